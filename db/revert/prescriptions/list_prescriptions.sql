-- Revert telemed:prescriptions/list_prescriptions from pg

begin;

drop function api.list_prescriptions(uuid, text, integer, text);

commit;
