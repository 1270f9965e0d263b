begin;
\ir ../helpers/actors.psql
select plan(39);

-- It is 2027-01-04 08:00:00+00.
select pg_temp.open_slot('doctor', '2027-01-05 11:00:00+00') as third \gset
select pg_temp.open_slot('doctor', '2027-01-05 10:00:00+00') as second \gset
select pg_temp.open_slot('doctor', '2027-01-05 09:00:00+00') as first \gset
select pg_temp.open_slot('doctor', '2027-01-06 09:00:00+00') as fourth \gset
select pg_temp.open_slot('doctor', '2027-01-05 12:00:00+00') as booked_slot \gset
select pg_temp.open_slot('doctor', '2027-01-05 13:00:00+00') as withdrawn_slot \gset
select pg_temp.open_slot('doctor', '2027-01-04 07:30:00+00') as begun_slot \gset
select pg_temp.open_slot('other_doctor', '2027-01-05 09:00:00+00') as other_slot \gset
select pg_temp.booking('other_patient', :'booked_slot') as booking \gset
select pg_temp.sign_in('doctor');
select status as withdrawn from api.withdraw_slot(:'withdrawn_slot') \gset

-- The permitted path
select pg_temp.sign_in('patient');
select is(
    array_agg(s.id), array[:'first', :'second', :'third', :'fourth']::uuid[],
    'list_open_slots returns the open slots of a doctor that have not begun, the earliest first')
from api.list_open_slots(pg_temp.id_of('doctor')) as s;
select collect_tap(
    is(s.id, :'other_slot', 'list_open_slots returns the slot of another doctor for that doctor'),
    is(s.doctor_id, pg_temp.id_of('other_doctor'), 'a listed slot has the id of its doctor'),
    is(s.starts_at, '2027-01-05 09:00:00+00', 'a listed slot has its start'),
    is(s.ends_at, '2027-01-05 09:30:00+00', 'a listed slot has its end'),
    is(s.status, 'open', 'a listed slot has its status'))
from api.list_open_slots(pg_temp.id_of('other_doctor')) as s;
select is(
    pg_temp.refusal(v.actor, format('select api.list_open_slots(%L)', pg_temp.id_of('doctor'))),
    v.refusal, v.sentence)
from (values
    ('admin', null, 'an admin can list open slots'),
    ('doctor', null, 'a doctor can list the doctor''s own open slots'),
    ('other_doctor', null, 'a doctor can list the open slots of another doctor'),
    ('nobody', 'TM101', 'an unauthenticated caller cannot list open slots')
) as v (actor, refusal, sentence);

-- Ranges
select pg_temp.sign_in('patient');
select is(
    (select count(*) from api.list_open_slots(
        pg_temp.id_of('doctor'), v.from_time::timestamptz, v.to_time::timestamptz)),
    v.n::bigint, v.sentence)
from (values
    ('2027-01-05 10:00+00', '2027-01-05 11:00+00', 1,
     'a range includes its start and excludes its end'),
    ('2027-01-05 10:00:00.000001+00', '2027-01-05 11:00:00.000001+00', 1,
     'a range is exact to the microsecond'),
    ('2027-01-05 10:00+00', null, 3, 'a range without an end lists all later slots'),
    (null, '2027-01-05 10:00+00', 1, 'a range without a start begins now'),
    ('2027-01-01 00:00+00', '2027-01-05 00:00+00', 0,
     'a slot that has begun is not listed, even if the range includes it'),
    ('-infinity', 'infinity', 4,
     'a range from -infinity to infinity lists all open slots that have not begun'),
    ('infinity', null, 0, 'a range from infinity on lists nothing'),
    ('2027-01-06 00:00+00', '2027-01-05 00:00+00', 0,
     'a range that ends before it begins lists nothing')
) as v (from_time, to_time, n, sentence);
reset role;
select pg_temp.set_clock('2027-01-05 09:59:59.999999+00');
set local role telemed_api;
select is(s.id, :'second', 'a slot is listed one microsecond before it begins')
from api.list_open_slots(pg_temp.id_of('doctor'), p_limit => 1) as s;
reset role;
select pg_temp.set_clock('2027-01-05 10:00:00+00');
set local role telemed_api;
select is(s.id, :'third', 'a slot is not listed at the instant at which it begins')
from api.list_open_slots(pg_temp.id_of('doctor'), p_limit => 1) as s;
reset role;
select pg_temp.set_clock('2027-01-04 08:00:00+00');
set local role telemed_api;

-- Pages
select is(
    pg_temp.all_pages(format(
        'api.list_open_slots(%L, p_limit => %s, p_cursor => %%L)', pg_temp.id_of('doctor'), n)),
    array[:'first', :'second', :'third', :'fourth'], 'pages of ' || n || ' show every slot once')
from unnest(array[1, 3, 4, 1000]) as n;
select is(count(*), 2::bigint, 'list_open_slots returns at most p_limit rows')
from api.list_open_slots(pg_temp.id_of('doctor'), p_limit => 2);
select pg_temp.cursor_after('patient', format(
    'api.list_open_slots(%L, p_limit => 3)', pg_temp.id_of('doctor'))) as after_third \gset
reset role;
savepoint before_withdrawal;
update app.availability_slots set status = 'withdrawn' where id = :'third';
set local role telemed_api;
select array_agg(s.id)::text as next_page
from api.list_open_slots(pg_temp.id_of('doctor'), p_cursor => :'after_third') as s \gset
reset role;
rollback to before_withdrawal;
set local role telemed_api;
select is(
    :'next_page', format('{%s}', :'fourth'),
    'the next page continues after a slot that is no longer open');
select is(
    pg_temp.refusal('patient', format(
        'select api.list_open_slots(%L, p_limit => %L, p_cursor => %L)',
        pg_temp.id_of('doctor'), v.n, v.seen)),
    v.refusal, v.sentence)
from (values
    (0, null, 'TM201 limit', 'list_open_slots: a limit of 0 is refused'),
    (1001, null, 'TM201 limit', 'list_open_slots: a limit of 1001 is refused'),
    (null, null, 'TM201 limit', 'list_open_slots: a null limit is refused'),
    (1, gen_random_uuid(), 'TM201 cursor',
     'list_open_slots: a cursor that the database did not sign is refused')
) as v (n, seen, refusal, sentence);

-- Ids that are not a doctor's
select is(
    pg_temp.refusal('patient', format('select api.list_open_slots(%L)', v.id)),
    'TM401', v.sentence)
from (values
    (gen_random_uuid(), 'list_open_slots: the id of a doctor who does not exist is refused'),
    (pg_temp.id_of('admin'), 'list_open_slots: the id of an admin is refused'),
    (null, 'list_open_slots: a null doctor id is refused')
) as v (id, sentence);

-- A deactivated doctor
reset role;
update app.users set deactivated_at = app.clock() where id = pg_temp.id_of('other_doctor');
set local role telemed_api;
select pg_temp.sign_in('patient');
select is_empty(
    format('select id from api.list_open_slots(%L)', pg_temp.id_of('other_doctor')),
    'list_open_slots returns nothing for a deactivated doctor');
select is(count(*), 4::bigint,
    'deactivating a doctor leaves the open slots of another doctor listed')
from api.list_open_slots(pg_temp.id_of('doctor'));

-- The other order
select pg_temp.sign_in('patient');
select is(
    pg_temp.all_pages(format(
        'api.list_open_slots(%L, p_order => ''-starts_at'', p_limit => 3, p_cursor => %%L)', pg_temp.id_of('doctor'))),
    (select array_agg(r.id::text order by r.ordinality desc)
     from api.list_open_slots(pg_temp.id_of('doctor'), p_limit => 1000) with ordinality as r),
    'list_open_slots: -starts_at reverses the list');
select pg_temp.cursor_after(
    'patient', format('api.list_open_slots(%L, p_order => ''-starts_at'', p_limit => 1)', pg_temp.id_of('doctor'))) as reversed
\gset
select is(
    pg_temp.refusal('patient', format(
        'select api.list_open_slots(%L, p_order => %L, p_cursor => %L)', pg_temp.id_of('doctor'), v.in_order, v.cursor)),
    v.refusal, v.sentence)
from (values
    ('-starts_at', :'reversed', null, 'list_open_slots: a cursor is accepted in its own order'),
    ('starts_at', :'reversed', 'TM201 cursor',
     'list_open_slots: a cursor of the other order is refused'),
    ('id', null, 'TM201 order', 'list_open_slots: an order that does not exist is refused')
) as v (in_order, cursor, refusal, sentence);

select * from finish();
rollback;
