-- Verify telemed:idempotency/refuse_under_key on pg

begin;

select 'app.refuse_under_key(app.idempotency_keys, text, text, jsonb)'::regprocedure;

rollback;
