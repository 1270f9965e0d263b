begin;
\ir ../helpers/actors.psql
select plan(21);

select pg_temp.open_slot('doctor', '2027-01-05 09:00:00+00') as slot \gset
select pg_temp.open_slot('doctor', '2027-01-05 10:00:00+00') as second_slot \gset
select pg_temp.booking('patient', :'slot') as booking \gset
select pg_temp.booking('other_patient', :'second_slot') as other_booking \gset
select is_empty(
    format('select id from api.list_payments(%L)', :'other_booking'),
    'where nothing was paid the list is empty');
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

-- For whom
select is(
    pg_temp.refusal(v.actor, format('select api.list_payments(%L)', v.id)), v.refusal, v.sentence)
from (values
    ('doctor', :'booking', 'TM301', 'a doctor does not read payments'),
    ('other_doctor', :'booking', 'TM301', 'nor does another one'),
    ('other_patient', :'booking', 'TM403', 'to another patient the consultation is not there'),
    ('nobody', :'booking', 'TM101', 'nobody reads payments without signing in'),
    ('admin', gen_random_uuid()::text, 'TM403', 'what does not exist has no payments'),
    ('admin', null, 'TM403', 'nor has nothing')
) as v (actor, id, refusal, sentence);
select pg_temp.sign_in('admin');
select is(
    array_agg(p.id::text), :'everything'::text[],
    'an admin reads payments and refunds, the oldest first')
from api.list_payments(:'booking') as p;
select pg_temp.sign_in('patient');
select collect_tap(
    is(
        array_agg(p.id::text order by p.ordinality), :'everything'::text[],
        'their patient reads them, too'),
    is(array_agg(distinct p.consultation_id), array[:'booking']::uuid[],
        'those of this consultation'),
    is(
        array_agg(p.kind || ' ' || p.amount_minor || ' ' || p.currency order by p.amount_minor),
        '{refund 1000 EUR,payment 1001 EUR,payment 1002 EUR,payment 1003 EUR,payment 1004 EUR}',
        'with their amounts'),
    is(
        array_agg(p.provider_reference order by p.amount_minor), '{NULL,tx_1,tx_2,tx_3,tx_4}',
        'and their references'))
from api.list_payments(:'booking') with ordinality as p;
select pg_temp.sign_in('other_patient');
select is(p.id, :'other_payment', 'another patient reads another list')
from api.list_payments(:'other_booking') as p;

-- Page by page
select pg_temp.sign_in('patient');
select is(
    pg_temp.all_pages(format(
        'api.list_payments(%L, p_limit => %s, p_cursor => %%L)', :'booking', n)),
    :'everything'::text[], 'pages of ' || n || ' show everything once')
from unnest(array[1, 2, 5, 1000]) as n;
select is(count(*), 2::bigint, 'a page has no more rows than asked for')
from api.list_payments(:'booking', p_limit => 2);
select is(
    pg_temp.refusal('patient', format(
        'select api.list_payments(%L, p_limit => %L)', :'booking', v.n)),
    'TM201 limit', v.sentence)
from (values
    (0, 'a page of nothing is refused'),
    (1001, 'a page has at most 1000 rows'),
    (null, 'a page has an end')
) as v (n, sentence);

select * from finish();
rollback;
