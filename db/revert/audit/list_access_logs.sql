-- Revert telemed:audit/list_access_logs from pg

begin;

drop function api.list_access_logs(text, uuid, uuid, timestamptz, timestamptz, text, integer, text);

commit;
