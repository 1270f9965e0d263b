-- Revert telemed:idempotency/claim_key from pg

begin;

drop function app.claim_key(uuid, text, text, jsonb);

commit;
