-- Verify telemed:idempotency/settle_key on pg

begin;

select 'app.settle_key(app.idempotency_keys, uuid, jsonb)'::regprocedure;

rollback;
