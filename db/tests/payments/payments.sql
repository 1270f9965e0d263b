begin;
\ir ../helpers/actors.psql
select plan(37);

select pg_temp.open_slot('doctor', '2027-01-05 09:00:00+00') as slot \gset
select pg_temp.open_slot('doctor', '2027-01-05 10:00:00+00') as second_slot \gset
select pg_temp.booking('patient', :'slot') as booking \gset
select pg_temp.booking('patient', :'second_slot') as other_booking \gset
reset role;

-- The owner of the table writes directly here, without the functions and with the trigger
-- payments_stay_within_bounds disabled: each refusal of an insert comes from a constraint.
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

-- Columns of a payment
select is(
    pg_temp.refusal('nobody', pg_temp.payment_sql(:'booking', jsonb_build_object(v.field, null))),
    '23502 ' || v.field, 'a payment always has its ' || v.field)
from unnest('{id,consultation_id,kind,amount_minor,currency,method,created_at}'::text[])
    as v (field);
select is(
    pg_temp.refusal('nobody', pg_temp.payment_sql(:'booking', v.changes::jsonb)), v.refusal,
    v.sentence)
from (values
    ('{"kind": "gift"}', '23514', 'the kind of a payment is payment or refund'),
    ('{"amount_minor": 0}', '23514', 'the amount of a payment is not zero'),
    ('{"amount_minor": -1}', '23514', 'the amount of a payment is not below zero'),
    ('{"amount_minor": 1}', null, 'the amount of a payment may be one minor unit'),
    ('{"amount_minor": 1000000000000}', null, 'the amount of a payment may be 10^12 minor units'),
    ('{"amount_minor": 1000000000001}', '23514',
     'the amount of a payment is at most 10^12 minor units'),
    ('{"currency": "eur"}', '23514', 'the currency of a payment is in capital letters'),
    ('{"currency": "XXX"}', '23514',
     'the currency of a payment cannot be XXX, which stands for no currency'),
    ('{"method": "Card"}', '23514', 'the method of a payment is in lower case'),
    ('{"method": ""}', '23514', 'the method of a payment is not empty'),
    ('{"method": "credit card"}', '23514', 'the method of a payment has no space'),
    ('{"provider_reference": ""}', '23514', 'the provider reference of a payment is not empty'),
    ('{"provider_reference": "a\nb"}', '23514', 'the provider reference of a payment is one line'),
    ('{"reason": ""}', '23514', 'the reason for a payment is not empty'),
    ('{"created_at": "infinity"}', '23514', 'the time of a payment is finite'),
    ('{"kind": "refund"}', '23514', 'a refund always has the payment that it refunds')
) as v (changes, refusal, sentence);
select is(
    pg_temp.refusal('nobody',
        pg_temp.payment_sql(:'booking', jsonb_build_object(v.field, repeat('x', v.n)))),
    v.refusal, v.sentence)
from (values
    ('provider_reference', 200, null,
     'the provider reference of a payment may have 200 characters'),
    ('provider_reference', 201, '23514',
     'the provider reference of a payment has at most 200 characters'),
    ('reason', 4000, null, 'the reason for a payment may have 4000 characters'),
    ('reason', 4001, '23514', 'the reason for a payment has at most 4000 characters')
) as v (field, n, refusal, sentence);
select is(
    pg_temp.refusal('nobody', pg_temp.payment_sql(gen_random_uuid())),
    '23503', 'a payment cannot belong to a consultation that does not exist');

-- A refund is in the consultation and in the currency of its payment
select is(
    pg_temp.refusal('nobody', pg_temp.payment_sql(
        v.consultation_id, jsonb_build_object(
            'kind', v.kind, 'currency', v.currency, 'refunded_payment_id', v.payment))),
    v.refusal, v.sentence)
from (values
    (:'booking'::uuid, 'payment', 'EUR', :'payment'::uuid, '23514',
     'a payment cannot refund another payment'),
    (:'booking', 'refund', 'EUR', gen_random_uuid(), '23503',
     'a refund cannot belong to a payment that does not exist'),
    (:'other_booking', 'refund', 'EUR', :'payment', '23503',
     'a refund has the consultation of its payment'),
    (:'booking', 'refund', 'USD', :'payment', '23503', 'a refund has the currency of its payment'),
    (:'booking', 'refund', 'EUR', :'payment', null,
     'a refund in the consultation and the currency of its payment is accepted')
) as v (consultation_id, kind, currency, payment, refusal, sentence);

-- Rows are only added
select is(pg_temp.refusal('nobody', v.statement), 'TM912', v.sentence)
from (values
    ('update app.payments set amount_minor = 1', 'a payment cannot be changed'),
    ('update app.payments set provider_reference = ''x''',
     'a provider reference cannot be added to a payment later'),
    ('delete from app.payments', 'a payment cannot be deleted'),
    ('truncate app.payments', 'the table of payments cannot be truncated')
) as v (statement, sentence);

select * from finish();
rollback;
