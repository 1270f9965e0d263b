begin;
\ir ../helpers/actors.psql
select plan(35);

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
    'open slots to come are listed, the earliest first: none that is booked, withdrawn or begun')
from api.list_open_slots(pg_temp.id_of('doctor')) as s;
select collect_tap(
    is(s.id, :'other_slot', 'each doctor has a list'),
    is(s.doctor_id, pg_temp.id_of('other_doctor'), 'of the doctor''s own slots'),
    is(s.starts_at, '2027-01-05 09:00:00+00', 'with their start'),
    is(s.ends_at, '2027-01-05 09:30:00+00', 'their end'),
    is(s.status, 'open', 'and their status'))
from api.list_open_slots(pg_temp.id_of('other_doctor')) as s;
select is(
    pg_temp.refusal(v.actor, format('select api.list_open_slots(%L)', pg_temp.id_of('doctor'))),
    v.refusal, v.sentence)
from (values
    ('admin', null, 'an admin may look at slots'),
    ('doctor', null, 'a doctor may look at slots'),
    ('other_doctor', null, 'also at a colleague''s'),
    ('nobody', 'TM101', 'nobody looks without signing in')
) as v (actor, refusal, sentence);

-- From and to
select pg_temp.sign_in('patient');
select is(
    (select count(*) from api.list_open_slots(
        pg_temp.id_of('doctor'), v.from_time::timestamptz, v.to_time::timestamptz)),
    v.n::bigint, v.sentence)
from (values
    ('2027-01-05 10:00+00', '2027-01-05 11:00+00', 1,
     'the first moment is included and the last is not'),
    ('2027-01-05 10:00:00.000001+00', '2027-01-05 11:00:00.000001+00', 1, 'to the microsecond'),
    ('2027-01-05 10:00+00', null, 3, 'without an end all that come later are listed'),
    (null, '2027-01-05 10:00+00', 1, 'without a beginning it is now'),
    ('2027-01-01 00:00+00', '2027-01-05 00:00+00', 0, 'what has begun is never listed'),
    ('-infinity', 'infinity', 4, 'the beginning and the end of time are no obstacle'),
    ('infinity', null, 0, 'after the end of time there is nothing'),
    ('2027-01-06 00:00+00', '2027-01-05 00:00+00', 0,
     'between a time and an earlier one there is nothing')
) as v (from_time, to_time, n, sentence);
reset role;
select pg_temp.set_clock('2027-01-05 09:59:59.999999+00');
set local role telemed_api;
select is(s.id, :'second', 'a microsecond before its start a slot is listed')
from api.list_open_slots(pg_temp.id_of('doctor'), p_limit => 1) as s;
reset role;
select pg_temp.set_clock('2027-01-05 10:00:00+00');
set local role telemed_api;
select is(s.id, :'third', 'at its start, when it cannot be booked any more, it is not')
from api.list_open_slots(pg_temp.id_of('doctor'), p_limit => 1) as s;
reset role;
select pg_temp.set_clock('2027-01-04 08:00:00+00');
set local role telemed_api;

-- Page by page
select is(
    pg_temp.all_pages(format(
        'api.list_open_slots(%L, p_limit => %s, p_cursor => %%L)', pg_temp.id_of('doctor'), n)),
    array[:'first', :'second', :'third', :'fourth'], 'pages of ' || n || ' show every slot once')
from unnest(array[1, 3, 4, 1000]) as n;
select is(count(*), 2::bigint, 'a page has no more rows than asked for')
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
    'a page goes on after a slot that is no longer open');
select is(
    pg_temp.refusal('patient', format(
        'select api.list_open_slots(%L, p_limit => %L, p_cursor => %L)',
        pg_temp.id_of('doctor'), v.n, v.seen)),
    v.refusal, v.sentence)
from (values
    (0, null, 'TM201 limit', 'a page of nothing is refused'),
    (1001, null, 'TM201 limit', 'a page has at most 1000 rows'),
    (null, null, 'TM201 limit', 'a page has an end'),
    (1, gen_random_uuid(), 'TM201 cursor', 'a cursor that is no slot is refused')
) as v (n, seen, refusal, sentence);

-- Whose slots
select is(
    pg_temp.refusal('patient', format('select api.list_open_slots(%L)', v.id)),
    'TM401', v.sentence)
from (values
    (gen_random_uuid(), 'a doctor who does not exist has no list'),
    (pg_temp.id_of('admin'), 'nor has an admin'),
    (null, 'nor has nobody')
) as v (id, sentence);

-- A doctor who has left
reset role;
update app.users set deactivated_at = app.clock() where id = pg_temp.id_of('other_doctor');
set local role telemed_api;
select pg_temp.sign_in('patient');
select is_empty(
    format('select id from api.list_open_slots(%L)', pg_temp.id_of('other_doctor')),
    'a doctor who has left offers nothing');
select is(count(*), 4::bigint, 'the others go on')
from api.list_open_slots(pg_temp.id_of('doctor'));

select * from finish();
rollback;
