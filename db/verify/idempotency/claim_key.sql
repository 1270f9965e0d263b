-- Verify telemed:idempotency/claim_key on pg

begin;

select 'app.claim_key(uuid, text, text, jsonb)'::regprocedure;

rollback;
