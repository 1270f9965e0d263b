-- Revert telemed:idempotency/settle_key from pg

begin;

drop function app.settle_key(app.idempotency_keys, uuid, jsonb);

commit;
