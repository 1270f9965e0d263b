begin;
\ir ../helpers/actors.psql
select plan(37);

select pg_temp.open_slot('doctor', '2027-01-05 09:00:00+00') as slot \gset
select pg_temp.open_slot('doctor', '2027-01-05 10:00:00+00') as second_slot \gset
select pg_temp.booking('patient', :'slot') as booking \gset
select pg_temp.booking('patient', :'second_slot') as other_booking \gset
reset role;

-- Everything here is written by the owner of the table, past every function and without the
-- trigger: what is refused is refused by the constraints alone.
alter table app.payments disable trigger payments_stay_within_bounds;

create function pg_temp.payment_sql(p_consultation_id uuid, p_changes jsonb default '{}')
returns text language sql
as $$
    select format(
        'insert into app.payments select (jsonb_populate_record(null::app.payments, %L)).*',
        jsonb_build_object(
            'id', gen_random_uuid(), 'consultation_id', p_consultation_id, 'kind', 'payment',
            'amount_minor', 1000, 'currency', 'EUR', 'method', 'card',
            'created_at', '2027-01-04 08:00:00+00') || p_changes)
$$;

insert into app.payments (consultation_id, kind, amount_minor, currency, method)
values (:'booking', 'payment', 1000, 'EUR', 'card')
returning id as payment \gset

-- What a payment must have
select is(
    pg_temp.refusal('nobody', pg_temp.payment_sql(:'booking', jsonb_build_object(v.field, null))),
    '23502 ' || v.field, 'a payment always has its ' || v.field)
from unnest('{id,consultation_id,kind,amount_minor,currency,method,created_at}'::text[])
    as v (field);
select is(
    pg_temp.refusal('nobody', pg_temp.payment_sql(:'booking', v.changes::jsonb)), v.refusal,
    v.sentence)
from (values
    ('{"kind": "gift"}', '23514', 'money is paid or given back, and nothing else'),
    ('{"amount_minor": 0}', '23514', 'a payment is more than nothing'),
    ('{"amount_minor": -1}', '23514', 'a payment is not below zero'),
    ('{"amount_minor": 1}', null, 'a payment may be of one cent'),
    ('{"amount_minor": 1000000000000}', null, 'or of 10^12'),
    ('{"amount_minor": 1000000000001}', '23514', 'but not of more'),
    ('{"currency": "eur"}', '23514', 'a currency is written in capital letters'),
    ('{"currency": "XXX"}', '23514', 'a currency is one that people pay in'),
    ('{"method": "Card"}', '23514', 'a method is written in small letters'),
    ('{"method": ""}', '23514', 'a method is not empty'),
    ('{"method": "credit card"}', '23514', 'a method is one word'),
    ('{"provider_reference": ""}', '23514', 'a reference is not empty'),
    ('{"provider_reference": "a\nb"}', '23514', 'a reference is one line'),
    ('{"reason": ""}', '23514', 'a reason is not empty'),
    ('{"created_at": "infinity"}', '23514', 'a payment is made some day'),
    ('{"kind": "refund"}', '23514', 'a refund is of some payment')
) as v (changes, refusal, sentence);
select is(
    pg_temp.refusal('nobody',
        pg_temp.payment_sql(:'booking', jsonb_build_object(v.field, repeat('x', v.n)))),
    v.refusal, v.sentence)
from (values
    ('provider_reference', 200, null, 'a reference may have 200 characters'),
    ('provider_reference', 201, '23514', 'but not more'),
    ('reason', 4000, null, 'a reason may have 4000 characters'),
    ('reason', 4001, '23514', 'but not more')
) as v (field, n, refusal, sentence);
select is(
    pg_temp.refusal('nobody', pg_temp.payment_sql(gen_random_uuid())),
    '23503', 'a payment is for a consultation that exists');

-- A refund is in the consultation and in the currency of its payment
select is(
    pg_temp.refusal('nobody', pg_temp.payment_sql(
        v.consultation_id, jsonb_build_object(
            'kind', v.kind, 'currency', v.currency, 'refunded_payment_id', v.payment))),
    v.refusal, v.sentence)
from (values
    (:'booking'::uuid, 'payment', 'EUR', :'payment'::uuid, '23514', 'a payment gives nothing back'),
    (:'booking', 'refund', 'EUR', gen_random_uuid(), '23503',
     'a refund is of a payment that exists'),
    (:'other_booking', 'refund', 'EUR', :'payment', '23503', 'a refund stays in its consultation'),
    (:'booking', 'refund', 'USD', :'payment', '23503', 'a refund stays in its currency'),
    (:'booking', 'refund', 'EUR', :'payment', null, 'there it is possible')
) as v (consultation_id, kind, currency, payment, refusal, sentence);

-- Rows are only added
select is(pg_temp.refusal('nobody', v.statement), 'TM912', v.sentence)
from (values
    ('update app.payments set amount_minor = 1', 'a payment is never changed'),
    ('update app.payments set provider_reference = ''x''', 'not even to add what was not known'),
    ('delete from app.payments', 'a payment is never deleted'),
    ('truncate app.payments', 'payments are never emptied out')
) as v (statement, sentence);

select * from finish();
rollback;
