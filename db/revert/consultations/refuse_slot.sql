-- Revert telemed:consultations/refuse_slot from pg

begin;

drop function app.refuse_slot(
    app.idempotency_keys, app.availability_slots, app.refusal_reason[], uuid);
drop type app.refusal_reason;

commit;
