begin;
\ir ../helpers/actors.psql
\ir ../helpers/keys.psql
\ir ../helpers/reads.psql
select plan(51);

select pg_temp.open_slot('doctor', '2027-01-05 09:00:00+00') as slot \gset
select pg_temp.open_slot('doctor', '2027-01-05 10:00:00+00') as second_slot \gset
select pg_temp.booking('patient', :'slot') as booking \gset
select pg_temp.booking('patient', :'second_slot') as cancelled \gset
select pg_temp.sign_in('admin');
select id as payment
from api.record_payment(:'booking', 3000, 'EUR', 'bank_transfer', 'tx_1', null, 'pay-1') \gset
select id as second_payment
from api.record_payment(:'booking', 2000, 'EUR', 'card', null, null, 'pay-2') \gset
select id as of_cancelled
from api.record_payment(:'cancelled', 500, 'EUR', 'card', null, null, 'pay-3') \gset
select status from api.cancel_consultation(:'cancelled') \gset

-- Callers that are refused
select is(
    pg_temp.refusal(v.actor, format('select api.refund_payment(%L, 1, null, ''k'')', v.id)),
    v.refusal, v.sentence)
from (values
    ('patient', :'payment', 'TM301', 'the patient of a consultation cannot refund its payment'),
    ('other_patient', :'payment', 'TM301', 'another patient cannot refund a payment'),
    ('doctor', :'payment', 'TM301', 'a doctor cannot refund a payment'),
    ('nobody', :'payment', 'TM101', 'an unauthenticated caller cannot refund a payment'),
    ('admin', gen_random_uuid()::text, 'TM404',
     'refund_payment: a payment that does not exist is refused'),
    ('admin', null, 'TM404', 'refund_payment: a null payment id is refused')
) as v (actor, id, refusal, sentence);

-- The permitted path
reset role;
select pg_temp.set_clock('2027-01-04 09:00:00+00');
set local role telemed_api;
select pg_temp.sign_in('admin');
select r.id as refund, to_jsonb(r) as answer
from api.refund_payment(:'payment', 1000, 'The doctor was late', 'refund-1') as r \gset
select collect_tap(
    is(p.id, :'refund', 'an admin refunds a part of a payment'),
    is(p.consultation_id, :'booking', 'a refund belongs to the consultation of its payment'),
    is(p.kind, 'refund', 'a refund has the kind refund'),
    is(p.refunded_payment_id, :'payment', 'a refund has the payment that it refunds'),
    is((p.amount_minor, p.currency), (1000::bigint, 'EUR'::text),
        'a refund has the given amount and the currency of its payment'),
    is(p.method, 'bank_transfer', 'a refund has the method of its payment'),
    is(p.provider_reference, null, 'a refund has no provider reference'),
    is(p.reason, 'The doctor was late', 'a refund has the given reason'),
    is(p.created_at, '2027-01-04 09:00:00+00', 'a refund has the time of its recording'),
    is(to_jsonb(p), :'answer'::jsonb, 'refund_payment returns the refund as it is stored'))
from api.list_payments(:'booking') as p
where p.kind = 'refund';

-- Retries
select is(to_jsonb(r), :'answer'::jsonb, 'a retry of refund_payment returns the first answer')
from api.refund_payment(:'payment', 1000, 'The doctor was late', 'refund-1') as r;
select is(count(*), 1::bigint, 'a retry of refund_payment records no second refund')
from api.list_payments(:'booking') as p where p.kind = 'refund';
select is(
    pg_temp.refusal('admin', format(
        'select api.refund_payment(%L, %L, %L, ''refund-1'')', v.id, v.amount, v.reason)),
    'TM203 Idempotency-Key', v.sentence)
from (values
    (:'second_payment', 1000, 'The doctor was late',
     'refund_payment: the key is refused for another payment'),
    (:'payment', 1001, 'The doctor was late',
     'refund_payment: the key is refused for another amount'),
    (:'payment', 1000, null, 'refund_payment: the key is refused for another reason')
) as v (id, amount, reason, sentence);

-- Refunds never exceed their payment
select is(
    pg_temp.refusal('admin', format(
        'select api.refund_payment(%L, %L, %L, %L)', v.id, v.amount, v.reason, v.key)),
    v.refusal, v.sentence)
from (values
    (:'payment', 2001, null, 'key-1', 'TM909',
     'a refund of one cent more than the rest of its payment is refused'),
    (:'payment', 2000, null, 'key-1', null, 'a refund of the rest of its payment is recorded'),
    (:'payment', 1, null, 'key-2', 'TM909',
     'a refund of a fully refunded payment is refused, although another payment is not refunded'),
    (:'second_payment', 2001, null, 'key-2', 'TM909',
     'a refund of one cent more than its payment is refused'),
    (:'second_payment', 2000, null, 'key-2', null, 'a payment can be refunded in one refund'),
    (:'refund', 1, null, 'key-3', 'TM404', 'a refund cannot be refunded'),
    (:'of_cancelled', 500, null, 'key-3', null,
     'a payment for a cancelled consultation can be refunded')
) as v (id, amount, reason, key, refusal, sentence);
select is(
    (select sum(case p.kind when 'payment' then p.amount_minor else -p.amount_minor end)
     from api.list_payments(:'booking') as p), 0::numeric,
    'the net payment of a consultation is zero once all payments are refunded');
select pg_temp.sign_in('admin');
select id as third_payment
from api.record_payment(:'booking', 5000, 'EUR', 'card', null, null, 'pay-4') \gset
select is(count(*), 6::bigint, 'the whole fee can be paid again after refunds')
from api.list_payments(:'booking');

-- Invalid requests
select is(
    pg_temp.refusal('admin', format(
        'select api.refund_payment(%L, %L, %L, %L)', :'third_payment', v.amount, v.reason, v.key)),
    v.refusal, v.sentence)
from (values
    (0, null, 'key-4', 'TM201 amount_minor', 'refund_payment: an amount of 0 is refused'),
    (-1, null, 'key-4', 'TM201 amount_minor', 'refund_payment: an amount below zero is refused'),
    (null, null, 'key-4', 'TM201 amount_minor', 'refund_payment: a null amount is refused'),
    (9223372036854775807, null, 'key-4', 'TM909',
     'refund_payment: the largest bigint as the amount is refused'),
    (1, '', 'key-4', '23514', 'refund_payment: an empty reason is refused'),
    (1, repeat('r', 4001), 'key-4', '23514',
     'refund_payment: a reason of 4001 characters is refused'),
    (1, null, null, 'TM206 Idempotency-Key',
     'refund_payment: a missing idempotency key is refused'),
    (1, null, '', '23514', 'refund_payment: an empty idempotency key is refused'),
    (1, repeat('r', 4000), 'key-4', null,
     'refund_payment: a request with errors leaves its key free')
) as v (amount, reason, key, refusal, sentence);

-- Stored refusals
select pg_temp.sign_in('admin', 'remember');
select is(r.id, null, 'refund_payment returns null when its refusal is stored')
from api.refund_payment(:'third_payment', 5000, null, 'too-much') as r;
reset role;
select is((k.operation::text, k.refusal_code, k.resource_id),
    ('refund_payment'::text, 'TM909'::text, null::uuid),
    'a refusal of refund_payment is stored under its key')
from app.idempotency_keys as k where k.key = 'too-much';
set local role telemed_api;
select is(
    pg_temp.refusal('admin', format(
        'select api.refund_payment(%L, 5000, null, ''too-much'')', :'third_payment')),
    'TM909', 'a duplicate of a refused refund is refused again');
select is(
    pg_temp.refusal('admin', format(
        'select api.refund_payment(%L, 1000, null, ''too-much'')', :'third_payment')),
    'TM203 Idempotency-Key',
    'refund_payment: the key of a refused refund is refused for a smaller amount');

-- Under an idempotency key
reset role;
select pg_temp.booking('patient', pg_temp.open_slot('doctor', '2027-06-01 09:00:00+00'))
    as keyed \gset
select pg_temp.sign_in('admin');
select id as keyed_payment
from api.record_payment(:'keyed', 1000, 'EUR', 'card', null, null, 'keyed') \gset
select pg_temp.honours_key('refund_payment', 'admin',
    format('%L, 500, null', :'keyed_payment'), format('%L, 500, ''A reason''', :'keyed_payment'),
    format('%L, 501, null', :'keyed_payment'), 'TM909');

-- In the access log: a refund, and a retry of it
select pg_temp.records_read('refund_payment', 'admin',
    format('%L, 100, null, ''read''', :'keyed_payment'), :'keyed');
select pg_temp.records_read('refund_payment', 'admin',
    format('%L, 100, null, ''read''', :'keyed_payment'), :'keyed');

select * from finish();
rollback;
