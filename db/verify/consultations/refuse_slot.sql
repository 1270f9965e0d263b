-- Verify telemed:consultations/refuse_slot on pg

begin;

select 'app.refuse_slot(
    app.idempotency_keys, app.availability_slots, app.refusal_reason[], uuid)'::regprocedure;

rollback;
