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

-- The owner of the table writes directly here, without the functions. The fee is 5000 minor units.
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
    (pg_temp.payment_sql(:'booking', 5001), 'TM908',
     'a payment of one cent more than the fee is refused'),
    (pg_temp.payment_sql(:'booking', 3000), null, 'a payment of a part of the fee is accepted'),
    (pg_temp.payment_sql(:'booking', 2001), 'TM908',
     'a payment of one cent more than the rest of the fee is refused'),
    (pg_temp.payment_sql(:'booking', 1999), null,
     'a payment of less than the rest of the fee is accepted'),
    (pg_temp.payment_sql(:'booking', 1), null, 'a payment of the last cent of the fee is accepted'),
    (pg_temp.payment_sql(:'booking', 1), 'TM908',
     'a payment of one cent is refused once the fee is paid'),
    (pg_temp.payment_sql(:'free_booking', 1), 'TM908',
     'a payment for a consultation without a fee is refused'),
    (pg_temp.payment_sql(:'other_booking', 100, 'USD'), 'TM205 currency',
     'a payment in another currency than that of the consultation is refused'),
    (pg_temp.payment_sql(gen_random_uuid(), 100), '23503',
     'a payment for a consultation that does not exist is refused')
) as v (statement, refusal, sentence);
select is(app.payable_minor(v.id::uuid), v.rest::bigint, v.sentence)
from (values
    (:'booking', 0, 'payable_minor is zero for a consultation that is paid'),
    (:'other_booking', 5000, 'payable_minor is the fee for a consultation without payments'),
    (:'free_booking', 0, 'payable_minor is zero for a consultation without a fee'),
    (gen_random_uuid()::text, null, 'payable_minor is null for a consultation that does not exist')
) as v (id, rest, sentence);

-- Refunds never exceed their payment
select id as payment from app.payments where amount_minor = 3000 \gset
select id as small_payment from app.payments where amount_minor = 1 \gset
select is(pg_temp.refusal('nobody', v.statement), v.refusal, v.sentence)
from (values
    (pg_temp.refund_sql(:'booking', :'small_payment', 2), 'TM909',
     'a refund of more than its payment is refused although other payments are larger'),
    (pg_temp.refund_sql(:'booking', :'payment', 3001), 'TM909',
     'a refund of one cent more than its payment is refused'),
    (pg_temp.refund_sql(:'booking', :'payment', 1000), null,
     'a refund of a part of its payment is accepted'),
    (pg_temp.refund_sql(:'booking', :'payment', 2001), 'TM909',
     'a refund of one cent more than the rest of its payment is refused'),
    (pg_temp.refund_sql(:'booking', :'payment', 2000), null,
     'a refund of the rest of its payment is accepted'),
    (pg_temp.refund_sql(:'booking', :'payment', 1), 'TM909',
     'a refund of one cent is refused once its payment is refunded'),
    (pg_temp.refund_sql(:'booking', gen_random_uuid(), 1), 'TM909',
     'a refund of a payment that does not exist is refused'),
    (pg_temp.refund_sql(:'booking', null, 1), 'TM909', 'a refund of a null payment is refused'),
    (pg_temp.refund_sql(:'other_booking', :'small_payment', 1), '23503',
     'a refund in another consultation than that of its payment is refused'),
    (pg_temp.refund_sql(:'booking', :'small_payment', 1, 'USD'), '23503',
     'a refund in another currency than that of its payment is refused')
) as v (statement, refusal, sentence);
select id as refund from app.payments where amount_minor = 2000 \gset
select is(
    pg_temp.refusal('nobody', pg_temp.refund_sql(:'booking', :'refund', 1)),
    'TM909', 'a refund cannot be refunded');
select is(app.refundable_minor(v.id::uuid), v.rest::bigint, v.sentence)
from (values
    (:'payment', 0, 'refundable_minor is zero for a payment that is fully refunded'),
    (:'small_payment', 1, 'refundable_minor is the amount of a payment without refunds'),
    (:'refund', null, 'refundable_minor is null for a refund')
) as v (id, rest, sentence);

-- A refunded amount can be paid again
select is(app.payable_minor(:'booking'), 3000::bigint,
    'payable_minor includes the refunded amount again');
select is(pg_temp.refusal('nobody', v.statement), v.refusal, v.sentence)
from (values
    (pg_temp.payment_sql(:'booking', 3001), 'TM908',
     'a payment of one cent more than the refunded amount is refused'),
    (pg_temp.payment_sql(:'booking', 3000), null, 'a payment of the refunded amount is accepted')
) as v (statement, refusal, sentence);

-- A cancelled consultation
insert into app.payments (consultation_id, kind, amount_minor, currency, method)
values (:'cancelled', 'payment', 100, 'EUR', 'card')
returning id as paid_before \gset
update app.consultations set status = 'cancelled' where id = :'cancelled';
select is(pg_temp.refusal('nobody', v.statement), v.refusal, v.sentence)
from (values
    (pg_temp.payment_sql(:'cancelled', 100), 'TM905',
     'a payment for a cancelled consultation is refused'),
    (pg_temp.refund_sql(:'cancelled', :'paid_before', 100), null,
     'a refund for a cancelled consultation is accepted')
) as v (statement, refusal, sentence);

-- Many rows in one statement
select is(
    pg_temp.refusal('nobody', format(
        'insert into app.payments (consultation_id, kind, amount_minor, currency, method) '
        'select %L, ''payment'', 1000, ''EUR'', ''card'' from generate_series(1, %s)',
        :'other_booking', n)),
    case n when 6 then 'TM908' end,
    n || ' payments in one statement are ' || case n when 6 then 'refused' else 'accepted' end)
from unnest(array[6, 5]) as n;

select * from finish();
rollback;
