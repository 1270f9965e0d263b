-- Revert telemed:identity/log_out from pg

begin;

drop function api.log_out(uuid, text);
drop function app.end_session_of_token(text);

commit;
