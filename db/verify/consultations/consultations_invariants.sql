-- Verify telemed:consultations/consultations_invariants on pg

begin;

select 'app.consultations_invariants(timestamptz)'::regprocedure;

rollback;
