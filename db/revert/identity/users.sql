-- Revert telemed:identity/users from pg

begin;

drop table app.users;

commit;
