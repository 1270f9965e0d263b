-- Revert telemed:identity/recovery_codes from pg

begin;

select app.refuse_to_lose_rows('recovery_codes');

drop trigger second_factors_take_along_what_rests_on_them on app.users;
drop function app.second_factors_take_along_what_rests_on_them();
drop table app.recovery_codes;
drop function app.recovery_codes_are_spent_once();

commit;
