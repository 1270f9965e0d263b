-- Revert telemed:identity/profiles from pg

begin;

drop view api.accounts;
drop view api.users;
drop table app.profiles;

commit;
