-- Revert telemed:identity/sessions from pg

begin;

drop type api.sessions;
drop trigger refresh_tokens_are_spent_once on app.refresh_tokens;
drop function app.refresh_tokens_are_spent_once();
drop table app.refresh_tokens;
drop table app.sessions;

commit;
