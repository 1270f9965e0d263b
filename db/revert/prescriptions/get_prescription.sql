-- Revert telemed:prescriptions/get_prescription from pg

begin;

drop function api.get_prescription(uuid);

commit;
