-- Revert telemed:identity/doctors from pg

begin;

select app.refuse_to_lose_rows('doctors');

drop view api.doctors;
drop trigger profiles_name_their_doctor on app.profiles;
drop function app.profiles_name_their_doctor();
drop trigger doctors_are_deactivated_with_their_account on app.users;
drop function app.doctors_are_deactivated_with_their_account();
drop trigger users_are_complete on app.users;
drop function app.users_are_complete();
drop table app.doctors;
drop function app.doctors_have_the_name_of_their_profile();
drop function app.doctors_have_a_listed_specialty();
drop function app.doctors_keep_their_search_text();
drop function app.doctor_search_text(text, text, text[]);

commit;
