-- Revert telemed:audit/list_audit_logs from pg

begin;

drop function api.list_audit_logs(text, text, uuid, text, text, timestamptz, timestamptz, text, integer, text);
drop function app.subject_of_change(text, jsonb);

commit;
