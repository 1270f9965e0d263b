-- Revert telemed:identity/require_role from pg

begin;

drop function app.require_role(text[]);

commit;
