-- Revert telemed:identity/end_session from pg

begin;

drop function api.end_session(uuid);

commit;
