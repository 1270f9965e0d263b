-- Revert telemed:identity/sessions from pg

begin;

select app.refuse_to_lose_rows('refresh_tokens');
select app.refuse_to_lose_rows('sessions');

drop type api.sessions_in_force;
drop type api.sessions;
drop trigger refresh_tokens_are_spent_once on app.refresh_tokens;
drop function app.refresh_tokens_are_spent_once();
drop trigger sessions_end_with_what_they_rest_on on app.users;
drop function app.sessions_end_with_what_they_rest_on();
drop table app.refresh_tokens;
drop table app.sessions;
drop function app.sessions_stay_revoked();

commit;
