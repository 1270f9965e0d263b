-- Revert telemed:identity/password_resets from pg

begin;

select app.refuse_to_lose_rows('password_resets');

drop type api.password_resets;
drop trigger password_resets_end_with_what_they_rest_on on app.users;
drop function app.password_resets_end_with_what_they_rest_on();
drop table app.password_resets;
drop function app.password_resets_are_used_once();

commit;
