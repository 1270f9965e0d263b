-- Revert telemed:foundation/proven_context from pg

begin;

drop function app.proven_context();
drop function app.this_transaction();
drop type app.context;

commit;
