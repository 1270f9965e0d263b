-- Verify telemed:idempotency/require_key on pg

begin;

select 'app.require_key(text)'::regprocedure;

rollback;
