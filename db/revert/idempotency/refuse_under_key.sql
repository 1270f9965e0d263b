-- Revert telemed:idempotency/refuse_under_key from pg

begin;

drop function app.refuse_under_key(app.idempotency_keys, text, text, jsonb);

commit;
