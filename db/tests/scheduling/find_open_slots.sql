begin;
\ir ../helpers/actors.psql
select plan(45);

-- It is 2027-01-04 08:00:00+00. The doctor is a cardiologist, the other doctor a dermatologist.
select pg_temp.open_slot('doctor', '2027-01-05 10:00:00+00') as heart_later \gset
select pg_temp.open_slot('doctor', '2027-01-05 09:00:00+00') as heart_at_nine \gset
select pg_temp.open_slot('other_doctor', '2027-01-05 09:00:00+00') as skin_at_nine \gset
select pg_temp.open_slot('other_doctor', '2027-01-05 08:00:00+00') as skin_first \gset
select pg_temp.open_slot('other_doctor', '2027-01-04 07:30:00+00') as begun_slot \gset
select pg_temp.open_slot('doctor', '2027-01-05 12:00:00+00') as booked_slot \gset
select pg_temp.open_slot('doctor', '2027-01-05 13:00:00+00') as withdrawn_slot \gset
select pg_temp.booking('other_patient', :'booked_slot') as booking \gset
select pg_temp.sign_in('doctor');
select status as withdrawn from api.withdraw_slot(:'withdrawn_slot') \gset
select array[:'skin_first', least(:'heart_at_nine', :'skin_at_nine'),
    greatest(:'heart_at_nine', :'skin_at_nine'), :'heart_later']::text[] as in_order \gset

-- The permitted path
select pg_temp.sign_in('patient');
select is(
    array_agg(s.id::text), :'in_order'::text[],
    'open slots of all doctors are found, the earliest first: none booked, withdrawn or begun')
from api.find_open_slots() as s;
select collect_tap(
    is(s.id, :'heart_at_nine', 'a slot is found'),
    is(s.doctor_id, pg_temp.id_of('doctor'), 'with its doctor'),
    is(s.starts_at, '2027-01-05 09:00:00+00', 'its start'),
    is(s.ends_at, '2027-01-05 09:30:00+00', 'its end'),
    is(s.status, 'open', 'its status'),
    is(s.doctor_name, 'Doctor doctor', 'the doctor''s name'),
    is(s.specialty, 'Cardiology', 'the specialty as the doctor writes it'),
    is(s.fee_minor, 5000::bigint, 'the fee'),
    is(s.currency, 'EUR', 'and its currency'))
from api.find_open_slots('Cardiology', p_limit => 1) as s;
select is(pg_temp.refusal(v.actor, 'select api.find_open_slots()'), v.refusal, v.sentence)
from (values
    ('admin', null, 'an admin may search'),
    ('doctor', null, 'a doctor may search'),
    ('nobody', 'TM101', 'nobody searches without signing in')
) as v (actor, refusal, sentence);

-- By specialty
select pg_temp.sign_in('patient');
select is((select count(*) from api.find_open_slots(v.specialty)), v.n::bigint, v.sentence)
from (values
    ('Dermatology', 2, 'a specialty has its own slots'),
    ('dERMATOLOGY', 2, 'however it is written'),
    ('Dermato', 0, 'a part of its name is not enough'),
    ('Dermatolog_', 0, 'and signs stand for themselves'),
    ('', 0, 'no name is nobody''s specialty'),
    ('Neurology', 0, 'nobody has a specialty that no doctor has')
) as v (specialty, n, sentence);
reset role;
update app.doctors set specialty = 'Neurology' where user_id = pg_temp.id_of('other_doctor');
set local role telemed_api;
select is(count(*), 2::bigint, 'a doctor who changes specialty is found under the new one')
from api.find_open_slots('neurology') as s where s.specialty = 'Neurology';
select is(count(*), 0::bigint, 'and no longer under the old one')
from api.find_open_slots('Dermatology');

-- From and to
select is(
    (select count(*) from api.find_open_slots(
        v.specialty, v.from_time::timestamptz, v.to_time::timestamptz)),
    v.n::bigint, v.sentence)
from (values
    (null, '2027-01-05 09:00+00', '2027-01-05 10:00+00', 2,
     'the first moment is included and the last is not'),
    ('Cardiology', '2027-01-05 09:00+00', '2027-01-05 10:00+00', 1, 'for one specialty, too'),
    (null, '2027-01-05 09:00:00.000001+00', '2027-01-05 10:00:00.000001+00', 1,
     'to the microsecond'),
    (null, '2027-01-05 09:00+00', null, 3, 'without an end all that come later are found'),
    (null, null, '2027-01-05 09:00+00', 1, 'without a beginning it is now'),
    ('Dermatology', null, '2027-01-05 09:00+00', 0,
     'when nobody has the specialty any more, nothing'),
    (null, '2027-01-01 00:00+00', '2027-01-05 00:00+00', 0, 'what has begun is never found'),
    ('Neurology', '2027-01-01 00:00+00', '2027-01-05 00:00+00', 0, 'under no specialty'),
    (null, '-infinity', 'infinity', 4, 'the beginning and the end of time are no obstacle'),
    (null, 'infinity', 'infinity', 0, 'after the end of time there is nothing')
) as v (specialty, from_time, to_time, n, sentence);
reset role;
select pg_temp.set_clock('2027-01-05 07:59:59.999999+00');
set local role telemed_api;
select is(count(*), 4::bigint, 'a microsecond before its start a slot is found')
from api.find_open_slots();
reset role;
select pg_temp.set_clock('2027-01-05 08:00:00+00');
set local role telemed_api;
select is(count(*), 3::bigint, 'at its start, when it cannot be booked any more, it is not')
from api.find_open_slots();
select is(count(*), 1::bigint, 'under its specialty neither')
from api.find_open_slots('Neurology');
reset role;
select pg_temp.set_clock('2027-01-04 08:00:00+00');
set local role telemed_api;

-- Page by page
select is(
    pg_temp.all_pages(format('api.find_open_slots(p_limit => %s, p_cursor => %%L)', n)),
    :'in_order'::text[],
    'pages of ' || n || ' show every slot once, also those that begin at the same time')
from unnest(array[1, 2, 3, 1000]) as n;
select is(
    pg_temp.all_pages('api.find_open_slots(''cardiology'', p_limit => 1, p_cursor => %L)'),
    array[:'heart_at_nine', :'heart_later'], 'and every slot of one specialty once');
select is(count(*), 2::bigint, 'a page has no more rows than asked for')
from api.find_open_slots(p_limit => 2);
select is(
    pg_temp.refusal('patient', format(
        'select api.find_open_slots(p_limit => %L, p_cursor => %L)', v.n, v.seen)),
    v.refusal, v.sentence)
from (values
    (0, null, 'TM201 limit', 'a page of nothing is refused'),
    (1001, null, 'TM201 limit', 'a page has at most 1000 rows'),
    (null, null, 'TM201 limit', 'a page has an end'),
    (1, gen_random_uuid(), 'TM201 cursor', 'a cursor that is no slot is refused')
) as v (n, seen, refusal, sentence);

-- A doctor who has left
reset role;
update app.users set deactivated_at = app.clock() where id = pg_temp.id_of('doctor');
set local role telemed_api;
select pg_temp.sign_in('patient');
select is_empty(
    format('select id from api.find_open_slots() where doctor_id = %L', pg_temp.id_of('doctor')),
    'slots of a doctor who has left are not found');

select * from finish();
rollback;
