-- Verify telemed:prescriptions/prescriptions_invariants on pg

begin;

select 'app.prescriptions_invariants(timestamptz)'::regprocedure;

rollback;
