begin;
\ir ../helpers/actors.psql
select plan(67);

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
select pg_temp.sign_in('admin');
select p.id as payment, to_jsonb(p) as answer
from api.record_payment(:'booking', 3000, 'EUR', 'card', 'tx_1', null, 'pay-1') as p \gset
select collect_tap(
    is(p.id, :'payment', 'an admin records a part of the fee'),
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
from api.record_payment(:'booking', 3000, 'EUR', 'card', 'tx_1', null, 'pay-1') as p;
select is(count(*), 1::bigint, 'and pays nothing more') from api.list_payments(:'booking');
select is(
    pg_temp.refusal('admin', format(
        'select api.record_payment(%L, %L, %L, %L, %L, null, %L)', v.id, v.amount, v.currency, v.method,
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
        'select api.record_payment(%L, %L, %L, %L, null, null, %L)', v.id, v.amount, v.currency, v.method,
        v.key)),
    v.refusal, v.sentence)
from (values
    ('admin', :'booking', 2001, 'EUR', 'card', 'key-1', 'TM908',
     'not a cent more than the rest is taken'),
    ('admin', :'booking', 500, 'EUR', 'cash', 'key-1', null,
     'a second payment may be in another way'),
    ('admin', :'booking', 1500, 'EUR', 'bank_transfer', 'key-1b', null,
     'the rest is recorded exactly'),
    ('admin', :'booking', 1, 'EUR', 'card', 'key-2', 'TM908', 'then not a cent more is taken'),
    ('admin', :'completed', 5000, 'EUR', 'card', 'key-2', null,
     'a completed consultation is paid at once'),
    ('admin', :'cancelled', 1, 'EUR', 'card', 'key-3', 'TM905', 'a cancelled one is not paid')
) as v (actor, id, amount, currency, method, key, refusal, sentence);

-- What cannot be right
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
select pg_temp.sign_in('admin', 'remember');
select is(p.id, null, 'a refusal that is remembered returns nothing')
from (values (:'booking'::uuid, 'too-much'), (:'cancelled'::uuid, 'cancelled')) as v (id, key)
cross join lateral api.record_payment(v.id, 1000, 'EUR', 'card', null, null, v.key) as p;
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
    pg_temp.refusal('admin', format(
        'select api.record_payment(%L, 1000, ''EUR'', ''card'', null, null, %L)', :'booking', v.key)),
    v.refusal, v.sentence)
from (values
    ('too-much', 'TM908',
     'a delayed duplicate is refused, although the amount is due again after a refund'),
    ('again', null, 'a new request can pay it')
) as v (key, refusal, sentence);
select pg_temp.sign_in('admin');
select is(to_jsonb(p), :'answer'::jsonb, 'the first request still hears its first answer')
from api.record_payment(:'booking', 3000, 'EUR', 'card', 'tx_1', null, 'pay-1') as p;
select is(
    pg_temp.refusal('admin', format(
        'select api.record_payment(%L, %s, ''EUR'', ''card'', null, null, %L)', :'booking', v.amount,
        v.key)),
    v.refusal, v.sentence)
from (values
    (2001, 'more', 'TM908', 'what was given back is due, and no more'),
    (2000, 'rest', null, 'to the last cent')
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
select is(to_jsonb(p), :'reported'::jsonb, 'a transaction that is reported again is the first one')
from api.record_payment(:'billed', 1000, 'EUR', 'card', 'tx_2', 'acme', 'report-2') as p;
select is(to_jsonb(p), :'reported'::jsonb, 'also when the second report is retried')
from api.record_payment(:'billed', 1000, 'EUR', 'card', 'tx_2', 'acme', 'report-2') as p;
select is(count(*), 1::bigint, 'it is money once') from api.list_payments(:'billed');
select is(
    pg_temp.refusal('admin', format(
        'select api.record_payment(%L, %L, ''EUR'', %L, %L, %L, ''report-3'')', v.id, v.amount,
        v.method, v.reference, v.provider)),
    v.refusal, v.sentence)
from (values
    (:'other_billed', 1000, 'card', 'tx_2', 'acme', 'TM923',
     'a transaction does not pay for another consultation'),
    (:'billed', 999, 'card', 'tx_2', 'acme', 'TM923', 'nor another amount'),
    (:'billed', 1000, 'cash', 'tx_2', 'acme', 'TM923', 'nor in another way'),
    (:'billed', 1000, 'card', null, 'acme', 'TM201 provider_reference',
     'a provider without a reference is refused'),
    (:'billed', 1000, 'card', 'tx_9', 'ACME', '23514', 'a provider is written in small letters')
) as v (id, amount, method, reference, provider, refusal, sentence);
select lives_ok(
    format(
        'select api.record_payment(%L, 100, ''EUR'', ''card'', %L, %L, %L)', :'billed', v.reference,
        v.provider, v.key),
    v.sentence)
from (values
    ('tx_2', 'other', 'k1', 'another provider may have the same reference'),
    ('tx_2', null, 'k2', 'so may a report without a provider'),
    (null, null, 'k3', 'without a reference'),
    (null, null, 'k4', 'payments may be alike')
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
    ('acme', 'a transaction is recorded once, whatever path the write takes'),
    (null, 'also without a provider')) as v (provider, sentence);
set local role telemed_api;
select pg_temp.sign_in('admin', 'remember');
select is(p.id, null, 'a transaction with other details is refused')
from api.record_payment(:'other_billed', 1000, 'EUR', 'card', 'tx_2', 'acme', 'report-4') as p;
reset role;
select is(k.refusal_code, 'TM923', 'and the refusal is stored under its key')
from app.idempotency_keys as k where k.key = 'report-4';
set local role telemed_api;

-- Who may not
select is(
    pg_temp.refusal(v.actor, format(
        'select api.record_payment(%L, 1, ''EUR'', ''card'', null, null, ''k'')', v.id)),
    v.refusal, v.sentence)
from (values
    ('patient', :'new_booking', 'TM301', 'a patient may not record payments'),
    ('other_patient', :'new_booking', 'TM301', 'nor may another patient'),
    ('doctor', :'new_booking', 'TM301', 'a doctor may not record payments'),
    ('nobody', :'new_booking', 'TM101', 'nobody pays without signing in'),
    ('admin', gen_random_uuid()::text, 'TM403', 'nothing is paid for what does not exist'),
    ('admin', null, 'TM403', 'nor for nothing')
) as v (actor, id, refusal, sentence);

select * from finish();
rollback;
