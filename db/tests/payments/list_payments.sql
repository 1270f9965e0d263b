begin;
\ir ../helpers/actors.psql
select plan(25);

select pg_temp.open_slot('doctor', '2027-01-05 09:00:00+00') as slot \gset
select pg_temp.open_slot('doctor', '2027-01-05 10:00:00+00') as second_slot \gset
select pg_temp.booking('patient', :'slot') as booking \gset
select pg_temp.booking('other_patient', :'second_slot') as other_booking \gset
select is_empty(
    format('select id from api.list_payments(%L)', :'other_booking'),
    'list_payments returns nothing for a consultation without payments');
select pg_temp.sign_in('admin');
select id as other_payment
from api.record_payment(:'other_booking', 5000, 'EUR', 'card', null, null, 'pay') \gset
select array_agg(p.id::text order by p.id) as paid
from generate_series(1, 4) as n
cross join lateral api.record_payment(:'booking', 1000 + n, 'EUR', 'card', 'tx_' || n, null,
    'pay-' || n) as p \gset
select r.id as refund
from api.refund_payment((:'paid'::uuid[])[1], 1000, 'Late', 'refund') as r \gset
select array_agg(id order by id) as everything
from unnest(:'paid'::text[] || :'refund'::text) as id \gset

-- Callers
select is(
    pg_temp.refusal(v.actor, format('select api.list_payments(%L)', v.id)), v.refusal, v.sentence)
from (values
    ('doctor', :'booking', 'TM301', 'the doctor of a consultation cannot list its payments'),
    ('other_doctor', :'booking', 'TM301',
     'another doctor cannot list the payments of a consultation'),
    ('other_patient', :'booking', 'TM403',
     'list_payments: a consultation of another patient is reported as not found'),
    ('nobody', :'booking', 'TM101', 'an unauthenticated caller cannot list payments'),
    ('admin', gen_random_uuid()::text, 'TM403',
     'list_payments: a consultation that does not exist is refused'),
    ('admin', null, 'TM403', 'list_payments: a null consultation id is refused')
) as v (actor, id, refusal, sentence);
select pg_temp.sign_in('admin');
select is(
    array_agg(p.id::text), :'everything'::text[],
    'an admin lists payments and refunds, the oldest first')
from api.list_payments(:'booking') as p;
select pg_temp.sign_in('patient');
select collect_tap(
    is(
        array_agg(p.id::text order by p.ordinality), :'everything'::text[],
        'the patient lists payments and refunds, the oldest first'),
    is(array_agg(distinct p.consultation_id), array[:'booking']::uuid[],
        'list_payments returns only rows of the consultation'),
    is(
        array_agg(p.kind || ' ' || p.amount_minor || ' ' || p.currency order by p.amount_minor),
        '{refund 1000 EUR,payment 1001 EUR,payment 1002 EUR,payment 1003 EUR,payment 1004 EUR}',
        'a listed payment has its kind, its amount and its currency'),
    is(
        array_agg(p.provider_reference order by p.amount_minor), '{NULL,tx_1,tx_2,tx_3,tx_4}',
        'a listed payment has its provider reference'))
from api.list_payments(:'booking') with ordinality as p;
select pg_temp.sign_in('other_patient');
select is(p.id, :'other_payment', 'another patient lists the payment of another consultation')
from api.list_payments(:'other_booking') as p;

-- Pages
select pg_temp.sign_in('patient');
select is(
    pg_temp.all_pages(format(
        'api.list_payments(%L, p_limit => %s, p_cursor => %%L)', :'booking', n)),
    :'everything'::text[], 'pages of ' || n || ' show every payment and refund once')
from unnest(array[1, 2, 5, 1000]) as n;
select is(count(*), 2::bigint, 'list_payments returns at most p_limit rows')
from api.list_payments(:'booking', p_limit => 2);
select is(
    pg_temp.refusal('patient', format(
        'select api.list_payments(%L, p_limit => %L)', :'booking', v.n)),
    'TM201 limit', v.sentence)
from (values
    (0, 'list_payments: a limit of 0 is refused'),
    (1001, 'list_payments: a limit of 1001 is refused'),
    (null, 'list_payments: a null limit is refused')
) as v (n, sentence);

-- The other order
select pg_temp.sign_in('patient');
select is(
    pg_temp.all_pages(format(
        'api.list_payments(%L, p_order => ''-created_at'', p_limit => 2, p_cursor => %%L)', :'booking')),
    (select array_agg(r.id::text order by r.ordinality desc)
     from api.list_payments(:'booking', p_limit => 1000) with ordinality as r),
    'list_payments: -created_at reverses the list');
select pg_temp.cursor_after(
    'patient', format('api.list_payments(%L, p_order => ''-created_at'', p_limit => 1)', :'booking')) as reversed
\gset
select is(
    pg_temp.refusal('patient', format(
        'select api.list_payments(%L, p_order => %L, p_cursor => %L)', :'booking', v.in_order, v.cursor)),
    v.refusal, v.sentence)
from (values
    ('-created_at', :'reversed', null, 'list_payments: a cursor is accepted in its own order'),
    ('created_at', :'reversed', 'TM201 cursor',
     'list_payments: a cursor of the other order is refused'),
    ('id', null, 'TM201 order', 'list_payments: an order that does not exist is refused')
) as v (in_order, cursor, refusal, sentence);

select * from finish();
rollback;
