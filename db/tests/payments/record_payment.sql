begin;
\ir ../helpers/actors.psql
\ir ../helpers/keys.psql
select plan(73);

select pg_temp.open_slot('doctor', '2027-01-05 09:00:00+00') as slot \gset
select pg_temp.open_slot('doctor', '2027-01-05 10:00:00+00') as second_slot \gset
select pg_temp.open_slot('doctor', '2027-01-05 11:00:00+00') as third_slot \gset
select pg_temp.booking('patient', :'slot') as booking \gset
select pg_temp.booking('patient', :'second_slot') as cancelled \gset
select pg_temp.booking('patient', :'third_slot') as completed \gset
select status from api.cancel_consultation(:'cancelled') \gset
select pg_temp.sign_in('doctor');
select status from api.complete_consultation(:'completed') \gset

-- The permitted path. The fee is 5000 minor units of EUR.
reset role;
select pg_temp.set_clock('2027-01-04 09:00:00+00');
set local role telemed_api;
select pg_temp.sign_in('admin');
select p.id as payment, to_jsonb(p) as answer
from api.record_payment(:'booking', 3000, 'EUR', 'card', 'tx_1', null, 'pay-1') as p \gset
select collect_tap(
    is(p.id, :'payment', 'an admin records a payment of a part of the fee'),
    is(p.consultation_id, :'booking', 'a recorded payment belongs to its consultation'),
    is(p.kind, 'payment', 'a recorded payment has the kind payment'),
    is(p.refunded_payment_id, null, 'a recorded payment refunds no other payment'),
    is((p.amount_minor, p.currency), (3000::bigint, 'EUR'::text),
        'a recorded payment has the given amount and currency'),
    is(p.method, 'card', 'a recorded payment has the given method'),
    is(p.provider_reference, 'tx_1', 'a recorded payment has the provider''s reference'),
    is(p.reason, null, 'a recorded payment has no reason'),
    is(p.created_at, '2027-01-04 09:00:00+00', 'a recorded payment has the time of its recording'),
    is(to_jsonb(p), :'answer'::jsonb, 'record_payment returns the payment as it is stored'))
from api.list_payments(:'booking') as p;

-- Retries
select is(to_jsonb(p), :'answer'::jsonb, 'a retry of record_payment returns the first answer')
from api.record_payment(:'booking', 3000, 'EUR', 'card', 'tx_1', null, 'pay-1') as p;
select is(count(*), 1::bigint,
    'a retry of record_payment records no second payment') from api.list_payments(:'booking');
select is(
    pg_temp.refusal('admin', format(
        'select api.record_payment(%L, %L, %L, %L, %L, null, %L)', v.id, v.amount, v.currency, v.method,
        v.reference, 'pay-1')),
    'TM203 Idempotency-Key', v.sentence)
from (values
    (:'completed', 3000, 'EUR', 'card', 'tx_1',
     'record_payment: the key is refused for another consultation'),
    (:'booking', 2000, 'EUR', 'card', 'tx_1',
     'record_payment: the key is refused for another amount'),
    (:'booking', 3000, 'USD', 'card', 'tx_1',
     'record_payment: the key is refused for another currency'),
    (:'booking', 3000, 'EUR', 'cash', 'tx_1',
     'record_payment: the key is refused for another method'),
    (:'booking', 3000, 'EUR', 'card', null,
     'record_payment: the key is refused for another reference')
) as v (id, amount, currency, method, reference, sentence);

-- Up to the fee
select is(
    pg_temp.refusal(v.actor, format(
        'select api.record_payment(%L, %L, %L, %L, null, null, %L)', v.id, v.amount, v.currency, v.method,
        v.key)),
    v.refusal, v.sentence)
from (values
    ('admin', :'booking', 2001, 'EUR', 'card', 'key-1', 'TM908',
     'a payment of one cent more than the rest of the fee is refused'),
    ('admin', :'booking', 500, 'EUR', 'cash', 'key-1', null,
     'a second payment may have another method'),
    ('admin', :'booking', 1500, 'EUR', 'bank_transfer', 'key-1b', null,
     'a payment of exactly the rest of the fee is recorded'),
    ('admin', :'booking', 1, 'EUR', 'card', 'key-2', 'TM908',
     'a payment of one cent is refused once the fee is paid'),
    ('admin', :'completed', 5000, 'EUR', 'card', 'key-2', null,
     'a completed consultation can be paid in one payment'),
    ('admin', :'cancelled', 1, 'EUR', 'card', 'key-3', 'TM905',
     'a payment for a cancelled consultation is refused')
) as v (actor, id, amount, currency, method, key, refusal, sentence);

-- Invalid requests
reset role;
select pg_temp.open_slot('doctor', '2027-01-06 09:00:00+00') as new_slot \gset
set local role telemed_api;
select pg_temp.booking('patient', :'new_slot') as new_booking \gset
select is(
    pg_temp.refusal('admin', format(
        'select api.record_payment(%L, %L, %L, %L, %L, null, %L)', :'new_booking', v.amount, v.currency,
        v.method, v.reference, v.key)),
    v.refusal, v.sentence)
from (values
    (0, 'EUR', 'card', null, 'key-4', 'TM201 amount_minor',
     'record_payment: an amount of 0 is refused'),
    (-1, 'EUR', 'card', null, 'key-4', 'TM201 amount_minor',
     'record_payment: an amount below zero is refused'),
    (null, 'EUR', 'card', null, 'key-4', 'TM201 amount_minor',
     'record_payment: a null amount is refused'),
    (9223372036854775807, 'EUR', 'card', null, 'key-4', 'TM908',
     'record_payment: the largest bigint as the amount is refused'),
    (100, 'USD', 'card', null, 'key-4', 'TM205 currency',
     'record_payment: a currency other than that of the consultation is refused'),
    (100, 'eur', 'card', null, 'key-4', 'TM205 currency',
     'record_payment: a currency in lower case is refused'),
    (100, null, 'card', null, 'key-4', 'TM205 currency',
     'record_payment: a null currency is refused'),
    (100, 'EUR', 'Card', null, 'key-4', '23514',
     'record_payment: a method with a capital letter is refused'),
    (100, 'EUR', null, null, 'key-4', '23502 method', 'record_payment: a null method is refused'),
    (100, 'EUR', 'card', '', 'key-4', '23514', 'record_payment: an empty reference is refused'),
    (100, 'EUR', 'card', repeat('r', 201), 'key-4', '23514',
     'record_payment: a reference of 201 characters is refused'),
    (100, 'EUR', 'card', null, null, 'TM206 Idempotency-Key',
     'record_payment: a missing idempotency key is refused'),
    (100, 'EUR', 'card', null, '', '23514', 'record_payment: an empty idempotency key is refused'),
    (1, 'EUR', 'card', repeat('r', 200), 'key-4', null,
     'record_payment: a request with errors leaves its key free')
) as v (amount, currency, method, reference, key, refusal, sentence);

-- Stored refusals
select pg_temp.sign_in('admin', 'remember');
select is(p.id, null, 'record_payment returns null when its refusal is stored')
from (values (:'booking'::uuid, 'too-much'), (:'cancelled'::uuid, 'cancelled')) as v (id, key)
cross join lateral api.record_payment(v.id, 1000, 'EUR', 'card', null, null, v.key) as p;
reset role;
select set_eq(
    $$select operation::text, key::text, refusal_code from app.idempotency_keys
      where refusal_code is not null$$,
    $$values ('record_payment', 'too-much', 'TM908'), ('record_payment', 'cancelled', 'TM905')$$,
    'each refusal of record_payment is stored under its key');
set local role telemed_api;
select pg_temp.sign_in('admin');
select amount_minor from api.refund_payment(:'payment', 3000, null, 'refund') \gset
select is(
    pg_temp.refusal('admin', format(
        'select api.record_payment(%L, 1000, ''EUR'', ''card'', null, null, %L)', :'booking', v.key)),
    v.refusal, v.sentence)
from (values
    ('too-much', 'TM908',
     'a duplicate of a refused payment is refused again, although the amount is due'),
    ('again', null, 'a payment under a new key succeeds once the amount is due')
) as v (key, refusal, sentence);
select pg_temp.sign_in('admin');
select is(to_jsonb(p), :'answer'::jsonb,
    'a retry returns the first answer although the payment was refunded')
from api.record_payment(:'booking', 3000, 'EUR', 'card', 'tx_1', null, 'pay-1') as p;
select is(
    pg_temp.refusal('admin', format(
        'select api.record_payment(%L, %s, ''EUR'', ''card'', null, null, %L)', :'booking', v.amount,
        v.key)),
    v.refusal, v.sentence)
from (values
    (2001, 'more', 'TM908', 'a payment of one cent more than the refunded amount is refused'),
    (2000, 'rest', null, 'a payment of exactly the refunded amount is recorded')
) as v (amount, key, refusal, sentence);

-- A provider's transaction
reset role;
select pg_temp.open_slot('doctor', '2027-01-07 09:00:00+00') as slot_7 \gset
select pg_temp.open_slot('doctor', '2027-01-07 10:00:00+00') as slot_8 \gset
set local role telemed_api;
select pg_temp.booking('patient', :'slot_7') as billed \gset
select pg_temp.booking('patient', :'slot_8') as other_billed \gset
select pg_temp.sign_in('admin', 'remember');
select to_jsonb(p) as reported
from api.record_payment(:'billed', 1000, 'EUR', 'card', 'tx_2', 'acme', 'report-1') as p \gset
select is(to_jsonb(p), :'reported'::jsonb,
    'a second report of a provider''s transaction returns the first payment')
from api.record_payment(:'billed', 1000, 'EUR', 'card', 'tx_2', 'acme', 'report-2') as p;
select is(to_jsonb(p), :'reported'::jsonb, 'a retry of the second report returns the first payment')
from api.record_payment(:'billed', 1000, 'EUR', 'card', 'tx_2', 'acme', 'report-2') as p;
select is(count(*), 1::bigint,
    'a transaction that is reported twice is one payment') from api.list_payments(:'billed');
select is(
    pg_temp.refusal('admin', format(
        'select api.record_payment(%L, %L, ''EUR'', %L, %L, %L, ''report-3'')', v.id, v.amount,
        v.method, v.reference, v.provider)),
    v.refusal, v.sentence)
from (values
    (:'other_billed', 1000, 'card', 'tx_2', 'acme', 'TM923',
     'record_payment: a known transaction is refused for another consultation'),
    (:'billed', 999, 'card', 'tx_2', 'acme', 'TM923',
     'record_payment: a known transaction is refused for another amount'),
    (:'billed', 1000, 'cash', 'tx_2', 'acme', 'TM923',
     'record_payment: a known transaction is refused for another method'),
    (:'billed', 1000, 'card', null, 'acme', 'TM201 provider_reference',
     'record_payment: a provider without a reference is refused'),
    (:'billed', 1000, 'card', 'tx_9', 'ACME', '23514',
     'record_payment: a provider in capital letters is refused')
) as v (id, amount, method, reference, provider, refusal, sentence);
select lives_ok(
    format(
        'select api.record_payment(%L, 100, ''EUR'', ''card'', %L, %L, %L)', :'billed', v.reference,
        v.provider, v.key),
    v.sentence)
from (values
    ('tx_2', 'other', 'k1', 'two providers may have the same reference'),
    ('tx_2', null, 'k2', 'a payment without a provider may have the reference of another provider'),
    (null, null, 'k3', 'a payment may have neither a provider nor a reference'),
    (null, null, 'k4', 'two payments without a reference may be alike')
) as v (reference, provider, key, sentence);
reset role;
select throws_ok(
    format(
        $$
        insert into app.payments
            (consultation_id, kind, amount_minor, currency, method, provider, provider_reference)
        values (%L, 'payment', 1, 'EUR', 'card', %L, 'tx_2')
        $$, :'other_billed', v.provider),
    '23505', null, v.sentence)
from (values
    ('acme', 'a direct insert of a known transaction is refused'),
    (null, 'a direct insert of a known reference without a provider is refused')
) as v (provider, sentence);
set local role telemed_api;
select pg_temp.sign_in('admin', 'remember');
select is(p.id, null, 'record_payment returns null for a known transaction with other details')
from api.record_payment(:'other_billed', 1000, 'EUR', 'card', 'tx_2', 'acme', 'report-4') as p;
reset role;
select is(k.refusal_code, 'TM923', 'the refusal of a known transaction is stored under its key')
from app.idempotency_keys as k where k.key = 'report-4';
set local role telemed_api;

-- Callers that are refused
select is(
    pg_temp.refusal(v.actor, format(
        'select api.record_payment(%L, 1, ''EUR'', ''card'', null, null, ''k'')', v.id)),
    v.refusal, v.sentence)
from (values
    ('patient', :'new_booking', 'TM301', 'the patient of a consultation cannot record a payment'),
    ('other_patient', :'new_booking', 'TM301', 'another patient cannot record a payment'),
    ('doctor', :'new_booking', 'TM301', 'a doctor cannot record a payment'),
    ('nobody', :'new_booking', 'TM101', 'an unauthenticated caller cannot record a payment'),
    ('admin', gen_random_uuid()::text, 'TM403',
     'record_payment: a consultation that does not exist is refused'),
    ('admin', null, 'TM403', 'record_payment: a null consultation id is refused')
) as v (actor, id, refusal, sentence);

-- Under an idempotency key
reset role;
select pg_temp.booking('patient', pg_temp.open_slot('doctor', '2027-06-01 09:00:00+00'))
    as keyed \gset
select pg_temp.honours_key('record_payment', 'admin',
    format($$ %L, 500, 'EUR', 'card', null, null $$, :'keyed'),
    format($$ %L, 501, 'EUR', 'card', null, null $$, :'keyed'),
    format($$ %L, 5000, 'EUR', 'card', null, null $$, :'keyed'), 'TM908');

select * from finish();
rollback;
