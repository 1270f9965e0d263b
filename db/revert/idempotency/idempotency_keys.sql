-- Revert telemed:idempotency/idempotency_keys from pg

begin;

select app.refuse_to_lose_rows('idempotency_keys');

drop table app.idempotency_keys;

commit;
