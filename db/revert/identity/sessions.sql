-- Revert telemed:identity/sessions from pg

begin;

drop type api.sessions;
drop table app.refresh_tokens;
drop table app.sessions;

commit;
