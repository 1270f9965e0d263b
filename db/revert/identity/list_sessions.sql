-- Revert telemed:identity/list_sessions from pg

begin;

drop function api.list_sessions(text, integer, text);
drop function app.session_last_used_at(uuid);

commit;
