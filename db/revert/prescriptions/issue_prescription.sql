-- Revert telemed:prescriptions/issue_prescription from pg

begin;

drop function api.issue_prescription(uuid, jsonb, text, text);

commit;
