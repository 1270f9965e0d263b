-- Revert telemed:identity/roles from pg

begin;

drop table app.roles;

commit;
