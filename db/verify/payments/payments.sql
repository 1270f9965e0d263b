-- Verify telemed:payments/payments on pg

begin;

select id, consultation_id, kind, refunded_payment_id, amount_minor, currency, method, provider_reference, reason, created_at
from app.payments where false;
select 'app.payments_by_consultation'::regclass;
select 'app.payments_by_refunded_payment'::regclass;
select 'app.payments_by_time'::regclass;
select 1 / count(*) from pg_catalog.pg_trigger
where tgname = 'payments_are_append_only' and tgrelid = 'app.payments'::regclass;
select 1 / count(*) from pg_catalog.pg_trigger
where tgname = 'payments_are_never_truncated' and tgrelid = 'app.payments'::regclass;
select 1 / count(*) from pg_catalog.pg_trigger
where tgname = 'payments_are_audited' and tgrelid = 'app.payments'::regclass;
select * from api.payments where false;
select 1 / (relrowsecurity and relforcerowsecurity)::integer from pg_catalog.pg_class where oid = 'app.payments'::regclass;

rollback;
