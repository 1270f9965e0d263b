begin;
\ir ../helpers/actors.psql
select plan(50);

select pg_temp.open_slot('doctor', '2027-01-05 09:00:00+00') as slot \gset
select pg_temp.open_slot('doctor', '2027-01-05 10:00:00+00') as second_slot \gset
select pg_temp.open_slot('doctor', '2027-01-05 11:00:00+00') as third_slot \gset
select pg_temp.booking('patient', :'slot') as booking \gset
select pg_temp.booking('patient', :'second_slot') as cancelled \gset
select pg_temp.booking('patient', :'third_slot') as completed \gset
select status from api.cancel_consultation(:'cancelled') \gset
select pg_temp.sign_in('doctor');
select status from api.complete_consultation(:'completed') \gset

-- The permitted path. The fee is 5000 EUR.
reset role;
select pg_temp.set_clock('2027-01-04 09:00:00+00');
set local role telemed_api;
select pg_temp.sign_in('patient');
select p.id as payment, to_jsonb(p) as answer
from api.record_payment(:'booking', 3000, 'EUR', 'card', 'tx_1', 'pay-1') as p \gset
select collect_tap(
    is(p.id, :'payment', 'a patient pays a part of the fee'),
    is(p.consultation_id, :'booking', 'of a consultation'),
    is(p.kind, 'payment', 'as a payment'),
    is(p.refunded_payment_id, null, 'and not as a refund'),
    is((p.amount_minor, p.currency), (3000::bigint, 'EUR'::text), 'of that amount'),
    is(p.method, 'card', 'in that way'),
    is(p.provider_reference, 'tx_1', 'with the provider''s name for it'),
    is(p.reason, null, 'without a reason'),
    is(p.created_at, '2027-01-04 09:00:00+00', 'now'),
    is(to_jsonb(p), :'answer'::jsonb, 'and the answer says so'))
from api.list_payments(:'booking') as p;

-- The same request again
select is(to_jsonb(p), :'answer'::jsonb, 'a retry hears the same answer')
from api.record_payment(:'booking', 3000, 'EUR', 'card', 'tx_1', 'pay-1') as p;
select is(count(*), 1::bigint, 'and pays nothing more') from api.list_payments(:'booking');
select is(
    pg_temp.refusal('patient', format(
        'select api.record_payment(%L, %L, %L, %L, %L, %L)', v.id, v.amount, v.currency, v.method,
        v.reference, 'pay-1')),
    'TM203 Idempotency-Key', v.sentence)
from (values
    (:'completed', 3000, 'EUR', 'card', 'tx_1', 'the key is refused for another consultation'),
    (:'booking', 2000, 'EUR', 'card', 'tx_1', 'for another amount'),
    (:'booking', 3000, 'USD', 'card', 'tx_1', 'for another currency'),
    (:'booking', 3000, 'EUR', 'cash', 'tx_1', 'for another method'),
    (:'booking', 3000, 'EUR', 'card', null, 'and for another reference')
) as v (id, amount, currency, method, reference, sentence);

-- Up to the fee
select is(
    pg_temp.refusal(v.actor, format(
        'select api.record_payment(%L, %L, %L, %L, null, %L)', v.id, v.amount, v.currency, v.method,
        v.key)),
    v.refusal, v.sentence)
from (values
    ('patient', :'booking', 2001, 'EUR', 'card', 'key-1', 'TM908',
     'not a cent more than the rest is taken'),
    ('patient', :'booking', 500, 'EUR', 'cash', 'key-1', null,
     'a second payment may be in another way'),
    ('admin', :'booking', 1500, 'EUR', 'bank_transfer', 'key-1', null,
     'an admin records exactly the rest'),
    ('patient', :'booking', 1, 'EUR', 'card', 'key-2', 'TM908', 'then not a cent more is taken'),
    ('patient', :'completed', 5000, 'EUR', 'card', 'key-2', null,
     'a completed consultation is paid at once'),
    ('patient', :'cancelled', 1, 'EUR', 'card', 'key-3', 'TM905', 'a cancelled one is not paid')
) as v (actor, id, amount, currency, method, key, refusal, sentence);

-- What cannot be right
reset role;
select pg_temp.open_slot('doctor', '2027-01-06 09:00:00+00') as new_slot \gset
set local role telemed_api;
select pg_temp.booking('patient', :'new_slot') as new_booking \gset
select is(
    pg_temp.refusal('patient', format(
        'select api.record_payment(%L, %L, %L, %L, %L, %L)', :'new_booking', v.amount, v.currency,
        v.method, v.reference, v.key)),
    v.refusal, v.sentence)
from (values
    (0, 'EUR', 'card', null, 'key-4', 'TM201 amount_minor', 'a payment is more than nothing'),
    (-1, 'EUR', 'card', null, 'key-4', 'TM201 amount_minor', 'a payment is not below zero'),
    (null, 'EUR', 'card', null, 'key-4', 'TM201 amount_minor', 'a payment has an amount'),
    (9223372036854775807, 'EUR', 'card', null, 'key-4', 'TM908',
     'an amount may be too large to count'),
    (100, 'USD', 'card', null, 'key-4', 'TM205 currency', 'other money is not taken'),
    (100, 'eur', 'card', null, 'key-4', 'TM205 currency',
     'a currency is written in capital letters'),
    (100, null, 'card', null, 'key-4', 'TM205 currency', 'an amount has a currency'),
    (100, 'EUR', 'Card', null, 'key-4', '23514', 'a method is written in small letters'),
    (100, 'EUR', null, null, 'key-4', '23502 method', 'a payment has a method'),
    (100, 'EUR', 'card', '', 'key-4', '23514', 'a reference is not empty'),
    (100, 'EUR', 'card', repeat('r', 201), 'key-4', '23514', 'nor longer than 200 characters'),
    (100, 'EUR', 'card', null, null, 'TM206 Idempotency-Key', 'a payment needs an idempotency key'),
    (100, 'EUR', 'card', null, '', '23514', 'which is not empty'),
    (1, 'EUR', 'card', repeat('r', 200), 'key-4', null, 'none of these has used up its key')
) as v (amount, currency, method, reference, key, refusal, sentence);

-- Refusals are remembered
select pg_temp.sign_in('patient', 'remember');
select is(p.id, null, 'a refusal that is remembered returns nothing')
from (values (:'booking'::uuid, 'too-much'), (:'cancelled'::uuid, 'cancelled')) as v (id, key)
cross join lateral api.record_payment(v.id, 1000, 'EUR', 'card', null, v.key) as p;
reset role;
select set_eq(
    $$select operation::text, key::text, refusal_code from app.idempotency_keys
      where refusal_code is not null$$,
    $$values ('record_payment', 'too-much', 'TM908'), ('record_payment', 'cancelled', 'TM905')$$,
    'each is stored under its key');
set local role telemed_api;
select pg_temp.sign_in('admin');
select amount_minor from api.refund_payment(:'payment', 3000, null, 'refund') \gset
select is(
    pg_temp.refusal('patient', format(
        'select api.record_payment(%L, 1000, ''EUR'', ''card'', null, %L)', :'booking', v.key)),
    v.refusal, v.sentence)
from (values
    ('too-much', 'TM908',
     'a delayed duplicate is refused, although the amount is due again after a refund'),
    ('again', null, 'a new request can pay it')
) as v (key, refusal, sentence);
select pg_temp.sign_in('patient');
select is(to_jsonb(p), :'answer'::jsonb, 'the first request still hears its first answer')
from api.record_payment(:'booking', 3000, 'EUR', 'card', 'tx_1', 'pay-1') as p;
select is(
    pg_temp.refusal('patient', format(
        'select api.record_payment(%L, %s, ''EUR'', ''card'', null, %L)', :'booking', v.amount,
        v.key)),
    v.refusal, v.sentence)
from (values
    (2001, 'more', 'TM908', 'what was given back is due, and no more'),
    (2000, 'rest', null, 'to the last cent')
) as v (amount, key, refusal, sentence);

-- Who may not
select is(
    pg_temp.refusal(v.actor, format(
        'select api.record_payment(%L, 1, ''EUR'', ''card'', null, ''k'')', v.id)),
    v.refusal, v.sentence)
from (values
    ('other_patient', :'new_booking', 'TM403',
     'another patient does not even learn of the consultation'),
    ('doctor', :'new_booking', 'TM301', 'a doctor may not record payments'),
    ('nobody', :'new_booking', 'TM101', 'nobody pays without signing in'),
    ('admin', gen_random_uuid()::text, 'TM403', 'nothing is paid for what does not exist'),
    ('admin', null, 'TM403', 'nor for nothing')
) as v (actor, id, refusal, sentence);

select * from finish();
rollback;
