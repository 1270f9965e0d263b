-- Revert telemed:consultations/consultations_invariants from pg

begin;

drop function app.consultations_invariants(timestamptz);

commit;
