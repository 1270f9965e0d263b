-- Revert telemed:identity/refresh_session from pg

begin;

drop function api.refresh_session(text);
drop function app.rotate_refresh_token(text);

commit;
