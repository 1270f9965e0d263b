-- Revert telemed:identity/refresh_session from pg

begin;

drop function api.refresh_session(text);

commit;
