-- Revert telemed:identity/doctors from pg

begin;

drop view api.doctors;
drop table app.doctors;

commit;
