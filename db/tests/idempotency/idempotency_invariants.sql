begin;
\ir ../helpers/actors.psql
\ir ../helpers/invariants.psql
select plan(15);

insert into broken (sentence, report, sql)
select v.sentence, format('every_booking_has_its_idempotency_key 1 {%s}', :'cancelled'),
    format(v.sql, :'cancelled')
from (values
    ('a booking without its key is reported',
     $$ delete from app.idempotency_keys
        where operation = 'book_consultation' and resource_id = %L $$),
    ('a booking with the key of another user is reported',
     $$ update app.idempotency_keys set user_id = pg_temp.id_of('other_patient')
        where operation = 'book_consultation' and resource_id = %L $$)) as v (sentence, sql);

insert into broken (sentence, report, sql)
select v.sentence,
    format('every_key_has_exactly_one_whole_outcome 1 {%s/record_payment/pay}',
        pg_temp.id_of('admin')),
    v.sql
from (values
    ('a key with a resource and a refusal is reported',
     $$ alter table app.idempotency_keys drop constraint idempotency_keys_have_exactly_one_outcome;
        update app.idempotency_keys set refusal_code = 'TM901', refusal_message = 'No'
        where key = 'pay' $$),
    ('a key without an outcome is reported',
     $$ alter table app.idempotency_keys drop constraint idempotency_keys_have_exactly_one_outcome;
        update app.idempotency_keys set response = null where key = 'pay' $$),
    ('a key whose response is another resource is reported',
     $$ update app.idempotency_keys set response = response || '{"id": "x"}' where key = 'pay' $$))
    as v (sentence, sql);

insert into broken (sentence, report, sql)
select
    format('a key of %s whose resource does not exist is reported', v.operation),
    format('every_key_has_exactly_one_whole_outcome 1 {%s/%s/pay}',
        pg_temp.id_of('admin'), v.operation),
    format($$
        update app.idempotency_keys
        set operation = %1$L, resource_id = '%2$s', response = '{"id": "%2$s"}'
        where key = 'pay' $$, v.operation, pg_temp.id_of('admin'))
from unnest('{onboard_doctor,publish_slot,record_payment,refund_payment,issue_prescription,'
    'complete_consultation}'::text[]) as v (operation);

insert into broken (sentence, report, sql, traces)
values
(
    'a reschedule without its key is reported',
    format('every_reschedule_has_its_idempotency_key 1 {%s}', :'moved'),
    'delete from app.idempotency_keys where key = ''move''', true
),
(
    'a payment without its key is reported',
    format('every_payment_has_its_idempotency_key 1 {%s}', :'payment'),
    format('delete from app.idempotency_keys where resource_id = %L', :'payment'), true
),
(
    'a refund without its key is reported',
    format('every_payment_has_its_idempotency_key 1 {%s}', :'refund'),
    format('delete from app.idempotency_keys where resource_id = %L', :'refund'), true
);

select is(pg_temp.report_on(b.sql, b.triggers, b.traces), b.report, b.sentence)
from broken as b order by b.n;
select is_empty(
    $$ select * from pg_temp.unbroken('app.idempotency_invariants') $$,
    'every invariant of idempotency is broken by a case');

select * from finish();
rollback;
