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
    'find_open_slots finds the open slots of all doctors that have not begun, the earliest first')
from api.find_open_slots() as s;
select collect_tap(
    is(s.id, :'heart_at_nine', 'a found slot has its id'),
    is(s.doctor_id, pg_temp.id_of('doctor'), 'a found slot has the id of its doctor'),
    is(s.starts_at, '2027-01-05 09:00:00+00', 'a found slot has its start'),
    is(s.ends_at, '2027-01-05 09:30:00+00', 'a found slot has its end'),
    is(s.status, 'open', 'a found slot has its status'),
    is(s.doctor_name, 'Doctor doctor', 'a found slot has the name of its doctor'),
    is(s.specialty, 'Cardiology', 'a found slot has the specialty as the doctor writes it'),
    is(s.fee_minor, 5000::bigint, 'a found slot has the doctor''s fee'),
    is(s.currency, 'EUR', 'a found slot has the currency of the fee'))
from api.find_open_slots('Cardiology', p_limit => 1) as s;
select is(pg_temp.refusal(v.actor, 'select api.find_open_slots()'), v.refusal, v.sentence)
from (values
    ('admin', null, 'an admin can find open slots'),
    ('doctor', null, 'a doctor can find open slots'),
    ('nobody', 'TM101', 'an unauthenticated caller cannot find open slots')
) as v (actor, refusal, sentence);

-- By specialty
select pg_temp.sign_in('patient');
select is((select count(*) from api.find_open_slots(v.specialty)), v.n::bigint, v.sentence)
from (values
    ('Dermatology', 2, 'a search by specialty finds the slots of that specialty only'),
    ('dERMATOLOGY', 2, 'a search by specialty ignores case'),
    ('Dermato', 0, 'a search by specialty does not match a part of the name'),
    ('Dermatolog_', 0, 'a search by specialty does not treat an underscore as a wildcard'),
    ('', 0, 'a search by an empty specialty finds nothing'),
    ('Neurology', 0, 'a search by a specialty that no doctor has finds nothing')
) as v (specialty, n, sentence);
reset role;
update app.doctors set specialty = 'Neurology' where user_id = pg_temp.id_of('other_doctor');
set local role telemed_api;
select is(count(*), 2::bigint,
    'a search by specialty finds the slots of a doctor who has changed to it')
from api.find_open_slots('neurology') as s where s.specialty = 'Neurology';
select is(count(*), 0::bigint,
    'a search by specialty does not find the slots of a doctor who has changed from it')
from api.find_open_slots('Dermatology');

-- Ranges
select is(
    (select count(*) from api.find_open_slots(
        v.specialty, v.from_time::timestamptz, v.to_time::timestamptz)),
    v.n::bigint, v.sentence)
from (values
    (null, '2027-01-05 09:00+00', '2027-01-05 10:00+00', 2,
     'a range includes its start and excludes its end'),
    ('Cardiology', '2027-01-05 09:00+00', '2027-01-05 10:00+00', 1,
     'a range for one specialty includes its start and excludes its end'),
    (null, '2027-01-05 09:00:00.000001+00', '2027-01-05 10:00:00.000001+00', 1,
     'a range is exact to the microsecond'),
    (null, '2027-01-05 09:00+00', null, 3, 'a range without an end finds all later slots'),
    (null, null, '2027-01-05 09:00+00', 1, 'a range without a start begins now'),
    ('Dermatology', null, '2027-01-05 09:00+00', 0,
     'a range finds nothing for a specialty that no doctor has any more'),
    (null, '2027-01-01 00:00+00', '2027-01-05 00:00+00', 0,
     'a slot that has begun is not found, even if the range includes it'),
    ('Neurology', '2027-01-01 00:00+00', '2027-01-05 00:00+00', 0,
     'a slot that has begun is not found by its specialty'),
    (null, '-infinity', 'infinity', 4,
     'a range from -infinity to infinity finds all open slots that have not begun'),
    (null, 'infinity', 'infinity', 0, 'a range from infinity to infinity finds nothing')
) as v (specialty, from_time, to_time, n, sentence);
reset role;
select pg_temp.set_clock('2027-01-05 07:59:59.999999+00');
set local role telemed_api;
select is(count(*), 4::bigint, 'a slot is found one microsecond before it begins')
from api.find_open_slots();
reset role;
select pg_temp.set_clock('2027-01-05 08:00:00+00');
set local role telemed_api;
select is(count(*), 3::bigint, 'a slot is not found at the instant at which it begins')
from api.find_open_slots();
select is(count(*), 1::bigint,
    'a slot is not found by its specialty at the instant at which it begins')
from api.find_open_slots('Neurology');
reset role;
select pg_temp.set_clock('2027-01-04 08:00:00+00');
set local role telemed_api;

-- Pages
select is(
    pg_temp.all_pages(format('api.find_open_slots(p_limit => %s, p_cursor => %%L)', n)),
    :'in_order'::text[],
    'pages of ' || n || ' show every slot once, also those that begin at the same time')
from unnest(array[1, 2, 3, 1000]) as n;
select is(
    pg_temp.all_pages('api.find_open_slots(''cardiology'', p_limit => 1, p_cursor => %L)'),
    array[:'heart_at_nine', :'heart_later'], 'pages of one specialty show each of its slots once');
select is(count(*), 2::bigint, 'find_open_slots returns at most p_limit rows')
from api.find_open_slots(p_limit => 2);
select is(
    pg_temp.refusal('patient', format(
        'select api.find_open_slots(p_limit => %L, p_cursor => %L)', v.n, v.seen)),
    v.refusal, v.sentence)
from (values
    (0, null, 'TM201 limit', 'find_open_slots: a limit of 0 is refused'),
    (1001, null, 'TM201 limit', 'find_open_slots: a limit of 1001 is refused'),
    (null, null, 'TM201 limit', 'find_open_slots: a null limit is refused'),
    (1, gen_random_uuid(), 'TM201 cursor',
     'find_open_slots: a cursor that the database did not sign is refused')
) as v (n, seen, refusal, sentence);

-- A deactivated doctor
reset role;
update app.users set deactivated_at = app.clock() where id = pg_temp.id_of('doctor');
set local role telemed_api;
select pg_temp.sign_in('patient');
select is_empty(
    format('select id from api.find_open_slots() where doctor_id = %L', pg_temp.id_of('doctor')),
    'slots of a deactivated doctor are not found');

select * from finish();
rollback;
