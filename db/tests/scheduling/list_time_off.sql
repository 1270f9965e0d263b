begin;
\ir ../helpers/actors.psql
select plan(23);

select pg_temp.sign_in('other_doctor');
select id as of_other_doctor
from api.take_time_off('2027-01-05 09:00:00+00', '2027-01-05 17:00:00+00') \gset
select pg_temp.sign_in('doctor');
select is_empty('select id from api.list_time_off()',
    'list_time_off returns nothing for a doctor without time off');
select array_agg(t.id::text order by t.id) as mine
from generate_series(5, 9) as day
cross join lateral api.take_time_off(
    make_timestamptz(2027, 1, day, 9, 0, 0, 'UTC'), make_timestamptz(2027, 1, day, 17, 0, 0, 'UTC'),
    'Day ' || day) as t \gset

-- The permitted path
select collect_tap(
    is(count(*), 5::bigint, 'list_time_off returns all time off of the calling doctor'),
    is(array_agg(distinct t.doctor_id), array[pg_temp.id_of('doctor')],
        'list_time_off returns no time off of another doctor'),
    is(min(t.starts_at), '2027-01-05 09:00:00+00', 'listed time off has its start'),
    is(max(t.ends_at), '2027-01-09 17:00:00+00', 'listed time off has its end'),
    is(
        array_agg(t.reason order by t.starts_at), '{Day 5,Day 6,Day 7,Day 8,Day 9}',
            'listed time off has its reason'),
    is(max(t.created_at), '2027-01-04 08:00:00+00',
        'listed time off has the time at which it was taken'))
from api.list_time_off() as t;
select pg_temp.sign_in('other_doctor');
select is(t.id, :'of_other_doctor',
    'another doctor lists only their own time off') from api.list_time_off() as t;

-- Pages
select pg_temp.sign_in('doctor');
select is(
    pg_temp.all_pages(format('api.list_time_off(p_limit => %s, p_cursor => %%L)', n)),
    :'mine'::text[], 'pages of ' || n || ' show all time off once')
from unnest(array[1, 2, 5, 1000]) as n;
select is(count(*), 2::bigint, 'list_time_off returns at most p_limit rows')
from api.list_time_off(p_limit => 2);
select is(
    pg_temp.refusal('doctor', format('select api.list_time_off(p_limit => %L)', v.n)),
    'TM201 limit', v.sentence)
from (values
    (0, 'list_time_off: a limit of 0 is refused'),
    (1001, 'list_time_off: a limit of 1001 is refused'),
    (null, 'list_time_off: a null limit is refused')
) as v (n, sentence);

-- Callers that are refused
select is(pg_temp.refusal(v.actor, 'select api.list_time_off()'), v.refusal, v.sentence)
from (values
    ('patient', 'TM301', 'a patient cannot list time off'),
    ('admin', 'TM301', 'an admin cannot list time off'),
    ('nobody', 'TM101', 'an unauthenticated caller cannot list time off')
) as v (actor, refusal, sentence);

-- The other order
select pg_temp.sign_in('doctor');
select is(
    pg_temp.all_pages(
        'api.list_time_off(p_order => ''-created_at'', p_limit => 2, p_cursor => %L)'),
    (select array_agg(r.id::text order by r.ordinality desc)
     from api.list_time_off(p_limit => 1000) with ordinality as r),
    'list_time_off: -created_at reverses the list');
select pg_temp.cursor_after(
    'doctor', 'api.list_time_off(p_order => ''-created_at'', p_limit => 1)') as reversed
\gset
select is(
    pg_temp.refusal('doctor', format(
        'select api.list_time_off(p_order => %L, p_cursor => %L)', v.in_order, v.cursor)),
    v.refusal, v.sentence)
from (values
    ('-created_at', :'reversed', null, 'list_time_off: a cursor is accepted in its own order'),
    ('created_at', :'reversed', 'TM201 cursor',
     'list_time_off: a cursor of the other order is refused'),
    ('id', null, 'TM201 order', 'list_time_off: an order that does not exist is refused')
) as v (in_order, cursor, refusal, sentence);

select * from finish();
rollback;
