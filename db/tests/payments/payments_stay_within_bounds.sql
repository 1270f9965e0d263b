begin;
\ir ../helpers/actors.psql
select plan(34);

select pg_temp.open_slot('doctor', '2027-01-05 09:00:00+00') as slot \gset
select pg_temp.open_slot('doctor', '2027-01-05 10:00:00+00') as second_slot \gset
select pg_temp.open_slot('doctor', '2027-01-05 11:00:00+00') as third_slot \gset
select pg_temp.open_slot('doctor', '2027-01-05 12:00:00+00') as free_slot \gset
select pg_temp.booking('patient', :'slot') as booking \gset
select pg_temp.booking('patient', :'second_slot') as cancelled \gset
select pg_temp.booking('patient', :'third_slot') as other_booking \gset
reset role;
update app.doctors set fee_minor = 0 where user_id = pg_temp.id_of('doctor');
select pg_temp.booking('patient', :'free_slot') as free_booking \gset

-- Everything here is written by the owner of the table, past every function. The fee is 5000 EUR.
create function pg_temp.payment_sql(p_consultation_id uuid, p_amount bigint,
    p_currency text default 'EUR')
returns text language sql
as $$
    select format(
        'insert into app.payments (consultation_id, kind, amount_minor, currency, method) '
        'values (%L, ''payment'', %L, %L, ''card'')', p_consultation_id, p_amount, p_currency)
$$;
create function pg_temp.refund_sql(
    p_consultation_id uuid, p_payment_id uuid, p_amount bigint, p_currency text default 'EUR')
returns text language sql
as $$
    select format(
        'insert into app.payments '
        '(consultation_id, kind, refunded_payment_id, amount_minor, currency, method) '
        'values (%L, ''refund'', %L, %L, %L, ''card'')',
        p_consultation_id, p_payment_id, p_amount, p_currency)
$$;

-- Payments never exceed the fee
select is(pg_temp.refusal('nobody', v.statement), v.refusal, v.sentence)
from (values
    (pg_temp.payment_sql(:'booking', 5001), 'TM908', 'not a cent more than the fee is taken'),
    (pg_temp.payment_sql(:'booking', 3000), null, 'a part of it is'),
    (pg_temp.payment_sql(:'booking', 2001), 'TM908', 'then not a cent more than the rest'),
    (pg_temp.payment_sql(:'booking', 1999), null, 'but less'),
    (pg_temp.payment_sql(:'booking', 1), null, 'to the last cent'),
    (pg_temp.payment_sql(:'booking', 1), 'TM908', 'and not one more'),
    (pg_temp.payment_sql(:'free_booking', 1), 'TM908',
     'for what is free of charge nothing is taken'),
    (pg_temp.payment_sql(:'other_booking', 100, 'USD'), 'TM205 currency',
     'other money is not taken'),
    (pg_temp.payment_sql(gen_random_uuid(), 100), '23503', 'nor money for no consultation')
) as v (statement, refusal, sentence);
select is(app.payable_minor(v.id::uuid), v.rest::bigint, v.sentence)
from (values
    (:'booking', 0, 'what is paid is not due'), (:'other_booking', 5000, 'what is not paid is'),
    (:'free_booking', 0, 'what is free is not'),
    (gen_random_uuid()::text, null, 'what is not there is not')
) as v (id, rest, sentence);

-- Refunds never exceed their payment
select id as payment from app.payments where amount_minor = 3000 \gset
select id as small_payment from app.payments where amount_minor = 1 \gset
select is(pg_temp.refusal('nobody', v.statement), v.refusal, v.sentence)
from (values
    (pg_temp.refund_sql(:'booking', :'small_payment', 2), 'TM909',
     'not more than this payment is given back'),
    (pg_temp.refund_sql(:'booking', :'payment', 3001), 'TM909', 'not a cent more than was paid'),
    (pg_temp.refund_sql(:'booking', :'payment', 1000), null, 'a part of it is'),
    (pg_temp.refund_sql(:'booking', :'payment', 2001), 'TM909',
     'then not a cent more than the rest'),
    (pg_temp.refund_sql(:'booking', :'payment', 2000), null, 'but all of it'),
    (pg_temp.refund_sql(:'booking', :'payment', 1), 'TM909', 'and not one cent more'),
    (pg_temp.refund_sql(:'booking', gen_random_uuid(), 1), 'TM909',
     'nothing is given back of no payment'),
    (pg_temp.refund_sql(:'booking', null, 1), 'TM909', 'nor of none'),
    (pg_temp.refund_sql(:'other_booking', :'small_payment', 1), '23503',
     'nor in another consultation'),
    (pg_temp.refund_sql(:'booking', :'small_payment', 1, 'USD'), '23503', 'nor in other money')
) as v (statement, refusal, sentence);
select id as refund from app.payments where amount_minor = 2000 \gset
select is(
    pg_temp.refusal('nobody', pg_temp.refund_sql(:'booking', :'refund', 1)),
    'TM909', 'a refund is not refunded');
select is(app.refundable_minor(v.id::uuid), v.rest::bigint, v.sentence)
from (values
    (:'payment', 0, 'of what was given back nothing is left'),
    (:'small_payment', 1, 'of the rest all is'),
    (:'refund', null, 'of a refund there is nothing to give back')
) as v (id, rest, sentence);

-- What was given back can be paid again
select is(app.payable_minor(:'booking'), 3000::bigint, 'what was given back is due again');
select is(pg_temp.refusal('nobody', v.statement), v.refusal, v.sentence)
from (values
    (pg_temp.payment_sql(:'booking', 3001), 'TM908', 'but no more than that'),
    (pg_temp.payment_sql(:'booking', 3000), null, 'so it can be paid again')
) as v (statement, refusal, sentence);

-- A cancelled consultation
insert into app.payments (consultation_id, kind, amount_minor, currency, method)
values (:'cancelled', 'payment', 100, 'EUR', 'card')
returning id as paid_before \gset
update app.consultations set status = 'cancelled' where id = :'cancelled';
select is(pg_temp.refusal('nobody', v.statement), v.refusal, v.sentence)
from (values
    (pg_temp.payment_sql(:'cancelled', 100), 'TM905',
     'nothing is taken for a cancelled consultation'),
    (pg_temp.refund_sql(:'cancelled', :'paid_before', 100), null, 'but given back')
) as v (statement, refusal, sentence);

-- Many rows in one write
select is(
    pg_temp.refusal('nobody', format(
        'insert into app.payments (consultation_id, kind, amount_minor, currency, method) '
        'select %L, ''payment'', 1000, ''EUR'', ''card'' from generate_series(1, %s)',
        :'other_booking', n)),
    case n when 6 then 'TM908' end,
    n || ' payments in one write are counted one by one')
from unnest(array[6, 5]) as n;

select * from finish();
rollback;
