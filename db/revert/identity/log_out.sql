-- Revert telemed:identity/log_out from pg

begin;

drop function api.log_out(uuid, text);
drop function app.session_of_refresh_token(text);

commit;
