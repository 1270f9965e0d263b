-- Revert telemed:prescriptions/prescriptions_invariants from pg

begin;

drop function app.prescriptions_invariants(timestamptz);

commit;
