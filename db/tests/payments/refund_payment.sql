begin;
\ir ../helpers/actors.psql
select plan(43);

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

-- Who may not
select is(
    pg_temp.refusal(v.actor, format('select api.refund_payment(%L, 1, null, ''k'')', v.id)),
    v.refusal, v.sentence)
from (values
    ('patient', :'payment', 'TM301', 'a patient may not give money back'),
    ('other_patient', :'payment', 'TM301', 'nor may another one'),
    ('doctor', :'payment', 'TM301', 'nor may a doctor'),
    ('nobody', :'payment', 'TM101', 'nobody gives back without signing in'),
    ('admin', gen_random_uuid()::text, 'TM404',
     'nothing is given back of a payment that does not exist'),
    ('admin', null, 'TM404', 'nor of none')
) as v (actor, id, refusal, sentence);

-- The permitted path
reset role;
select pg_temp.set_clock('2027-01-04 09:00:00+00');
set local role telemed_api;
select pg_temp.sign_in('admin');
select r.id as refund, to_jsonb(r) as answer
from api.refund_payment(:'payment', 1000, 'The doctor was late', 'refund-1') as r \gset
select collect_tap(
    is(p.id, :'refund', 'an admin gives a part of a payment back'),
    is(p.consultation_id, :'booking', 'in the same consultation'),
    is(p.kind, 'refund', 'as a refund'),
    is(p.refunded_payment_id, :'payment', 'of that payment'),
    is((p.amount_minor, p.currency), (1000::bigint, 'EUR'::text), 'of that amount in its currency'),
    is(p.method, 'bank_transfer', 'in the way in which it was paid'),
    is(p.provider_reference, null, 'without a provider''s name for it'),
    is(p.reason, 'The doctor was late', 'with a reason'),
    is(p.created_at, '2027-01-04 09:00:00+00', 'now'),
    is(to_jsonb(p), :'answer'::jsonb, 'and the answer says so'))
from api.list_payments(:'booking') as p
where p.kind = 'refund';

-- The same request again
select is(to_jsonb(r), :'answer'::jsonb, 'a retry hears the same answer')
from api.refund_payment(:'payment', 1000, 'The doctor was late', 'refund-1') as r;
select is(count(*), 1::bigint, 'and gives nothing more back')
from api.list_payments(:'booking') as p where p.kind = 'refund';
select is(
    pg_temp.refusal('admin', format(
        'select api.refund_payment(%L, %L, %L, ''refund-1'')', v.id, v.amount, v.reason)),
    'TM203 Idempotency-Key', v.sentence)
from (values
    (:'second_payment', 1000, 'The doctor was late', 'the key is refused for another payment'),
    (:'payment', 1001, 'The doctor was late', 'for another amount'),
    (:'payment', 1000, null, 'and for another reason')
) as v (id, amount, reason, sentence);

-- Never more than was paid
select is(
    pg_temp.refusal('admin', format(
        'select api.refund_payment(%L, %L, %L, %L)', v.id, v.amount, v.reason, v.key)),
    v.refusal, v.sentence)
from (values
    (:'payment', 2001, null, 'key-1', 'TM909', 'not a cent more than the rest is given back'),
    (:'payment', 2000, null, 'key-1', null, 'all of the rest is'),
    (:'payment', 1, null, 'key-2', 'TM909',
     'then not a cent more, although another payment is there'),
    (:'second_payment', 2001, null, 'key-2', 'TM909', 'of the other one not more than it'),
    (:'second_payment', 2000, null, 'key-2', null, 'but all of it at once'),
    (:'refund', 1, null, 'key-3', 'TM404', 'a refund is not refunded'),
    (:'of_cancelled', 500, null, 'key-3', null,
     'what was paid for a cancelled consultation is given back')
) as v (id, amount, reason, key, refusal, sentence);
select is(
    (select sum(case p.kind when 'payment' then p.amount_minor else -p.amount_minor end)
     from api.list_payments(:'booking') as p), 0::numeric,
    'nothing of what was paid is left');
select pg_temp.sign_in('admin');
select id as third_payment
from api.record_payment(:'booking', 5000, 'EUR', 'card', null, null, 'pay-4') \gset
select is(count(*), 6::bigint, 'after refunds the whole fee can be paid again')
from api.list_payments(:'booking');

-- What cannot be right
select is(
    pg_temp.refusal('admin', format(
        'select api.refund_payment(%L, %L, %L, %L)', :'third_payment', v.amount, v.reason, v.key)),
    v.refusal, v.sentence)
from (values
    (0, null, 'key-4', 'TM201 amount_minor', 'a refund is more than nothing'),
    (-1, null, 'key-4', 'TM201 amount_minor', 'a refund is not below zero'),
    (null, null, 'key-4', 'TM201 amount_minor', 'a refund has an amount'),
    (9223372036854775807, null, 'key-4', 'TM909', 'an amount may be too large to count'),
    (1, '', 'key-4', '23514', 'a reason is not empty'),
    (1, repeat('r', 4001), 'key-4', '23514', 'nor longer than 4000 characters'),
    (1, null, null, 'TM206 Idempotency-Key', 'a refund needs an idempotency key'),
    (1, null, '', '23514', 'which is not empty'),
    (1, repeat('r', 4000), 'key-4', null, 'none of these has used up its key')
) as v (amount, reason, key, refusal, sentence);

-- Refusals are remembered
select pg_temp.sign_in('admin', 'remember');
select is(r.id, null, 'a refusal that is remembered returns nothing')
from api.refund_payment(:'third_payment', 5000, null, 'too-much') as r;
reset role;
select is((k.operation::text, k.refusal_code, k.resource_id),
    ('refund_payment'::text, 'TM909'::text, null::uuid),
    'it is stored under its key')
from app.idempotency_keys as k where k.key = 'too-much';
set local role telemed_api;
select is(
    pg_temp.refusal('admin', format(
        'select api.refund_payment(%L, 5000, null, ''too-much'')', :'third_payment')),
    'TM909', 'and heard again');
select is(
    pg_temp.refusal('admin', format(
        'select api.refund_payment(%L, 1000, null, ''too-much'')', :'third_payment')),
    'TM203 Idempotency-Key', 'the key is refused for an amount that would do');

select * from finish();
rollback;
