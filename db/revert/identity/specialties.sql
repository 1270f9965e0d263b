-- Revert telemed:identity/specialties from pg

begin;

select app.refuse_to_lose_rows('specialties');

drop table app.specialties;
drop function app.specialty_code(text);

commit;
