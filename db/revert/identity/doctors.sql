-- Revert telemed:identity/doctors from pg

begin;

drop view api.doctors;
drop trigger users_are_complete on app.users;
drop function app.users_are_complete();
drop table app.doctors;

commit;
