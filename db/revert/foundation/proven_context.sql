-- Revert telemed:foundation/proven_context from pg

begin;

drop function app.caller_of_change();
drop function app.proven_context();
drop view app.contexts;
drop function app.this_transaction();
drop type app.context;

commit;
