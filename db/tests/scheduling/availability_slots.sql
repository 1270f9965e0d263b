begin;
\ir ../helpers/actors.psql
select plan(38);
reset role;

-- Everything here is written by the owner of the table, past every function
create function pg_temp.slot_sql(
    p_starts_at text, p_ends_at text, p_doctor text default 'doctor', p_status text default 'open')
returns text language sql
as $$
    select format(
        'insert into app.availability_slots (doctor_id, starts_at, ends_at, status) '
        'values (%L, %L, %L, %L)', pg_temp.id_of(p_doctor), p_starts_at, p_ends_at, p_status)
$$;

select pg_temp.open_slot('doctor', '2027-01-05 09:00:00+00', 60) as slot \gset
select pg_temp.open_slot('doctor', '2027-01-07 09:00:00+00', 60) as withdrawn_slot \gset
update app.availability_slots set status = 'withdrawn' where id = :'withdrawn_slot';

-- Slots of a doctor never overlap
select throws_ok(
    pg_temp.slot_sql('2027-01-05 09:59:59.999999+00', '2027-01-05 11:00:00+00'), '23P01',
    'conflicting key value violates exclusion constraint '
    '"availability_slots_of_a_doctor_never_overlap"',
    'a slot cannot begin a microsecond before another one ends');
select throws_ok(
    pg_temp.slot_sql('2027-01-05 08:00:00+00', '2027-01-05 09:00:00.000001+00'), '23P01', null,
    'a slot cannot end a microsecond after another one begins');
select throws_ok(
    pg_temp.slot_sql('2027-01-05 09:15:00+00', '2027-01-05 09:30:00+00'), '23P01', null,
    'a slot cannot lie within another one');
select throws_ok(
    pg_temp.slot_sql('2027-01-05 09:30:00+00', '2027-01-05 10:30:00+00', p_status => 'booked'),
    '23P01', null, 'nor when it is marked as booked');
select lives_ok(
    pg_temp.slot_sql('2027-01-05 10:00:00+00', '2027-01-05 11:00:00+00'),
    'a slot may begin when another one ends');
select lives_ok(
    pg_temp.slot_sql('2027-01-05 08:00:00+00', '2027-01-05 09:00:00+00'),
    'a slot may end when another one begins');
select lives_ok(
    pg_temp.slot_sql('2027-01-05 09:00:00+00', '2027-01-05 10:00:00+00', 'other_doctor'),
    'another doctor may have the same hours');
select lives_ok(
    pg_temp.slot_sql('2027-01-07 09:00:00+00', '2027-01-07 10:00:00+00'),
    'a withdrawn slot is in nobody''s way');

-- A slot keeps its doctor and its time
select throws_ok(
    format('update app.availability_slots set %s where id = %L', v.change, :'slot'),
    'TM912', null, v.sentence)
from (values
    ('id = gen_random_uuid()', 'a slot keeps its id'),
    ('doctor_id = ' || quote_literal(pg_temp.id_of('other_doctor')), 'a slot keeps its doctor'),
    ('starts_at = starts_at + interval ''1 minute''', 'a slot keeps its start'),
    ('ends_at = ends_at - interval ''1 minute''', 'a slot keeps its end')
) as v (change, sentence);
select throws_ok(
    format('update app.availability_slots set status = %L where id = %L', s, :'withdrawn_slot'),
    'TM912', 'A withdrawn slot stays withdrawn',
    'a withdrawn slot does not become ' || s || ' again')
from unnest(array['open', 'booked']) as s;

-- The constraint holds without the trigger before it
alter table app.availability_slots disable trigger availability_slots_keep_their_time;
select throws_ok(
    format(
        'update app.availability_slots set starts_at = starts_at - interval ''1 minute'' '
        'where id = %L',
        :'slot'),
    '23P01', null, 'without the trigger a slot still cannot be moved over another one');
select throws_ok(
    format('update app.availability_slots set status = ''open'' where id = %L', :'withdrawn_slot'),
    '23P01', null, 'without the trigger a withdrawn slot still cannot return over another one');
alter table app.availability_slots enable trigger availability_slots_keep_their_time;

-- How long a slot lasts, and when it may be
select throws_ok(pg_temp.slot_sql(v.starts_at, v.ends_at), '23514', null, v.sentence)
from (values
    ('2027-02-01 09:00:00+00', '2027-02-01 09:00:59.999999+00', 'a slot lasts at least one minute'),
    ('2027-02-01 09:00:00+00', '2027-02-01 09:00:00+00', 'a slot does not last no time at all'),
    ('2027-02-01 09:00:00+00', '2027-02-02 09:00:00.000001+00', 'a slot lasts at most 24 hours'),
    ('2027-02-01 09:00:00+00', 'infinity', 'a slot does not last for ever'),
    ('-infinity', '2027-02-01 09:00:00+00', 'a slot did not always exist'),
    ('9999-12-31 23:30:00+00', '10000-01-01 00:00:00+00', 'a slot ends before year 10000'),
    ('1899-12-31 23:30:00+00', '1900-01-01 00:30:00+00', 'a slot does not begin before 1900')
) as v (starts_at, ends_at, sentence);
select throws_ok(
    pg_temp.slot_sql('2027-02-01 09:00:00+00', '2027-02-01 08:00:00+00'),
    '22000', null, 'a slot does not end before it begins');
select lives_ok(
    pg_temp.slot_sql('2027-02-01 09:00:00+00', '2027-02-01 09:01:00+00'),
    'a slot may last one minute');
select lives_ok(
    pg_temp.slot_sql('2027-02-02 09:00:00+00', '2027-02-03 09:00:00+00'),
    'a slot may last 24 hours');

-- What a slot must have
select throws_ok(
    pg_temp.slot_sql('2027-03-01 09:00:00+00', '2027-03-01 10:00:00+00', p_status => 'reserved'),
    '23514', null, 'a slot is open, booked or withdrawn and nothing else');
select throws_ok(
    pg_temp.slot_sql('2027-03-01 09:00:00+00', '2027-03-01 10:00:00+00', 'patient'),
    '23502', null, 'a patient has no slots');
alter table app.availability_slots disable trigger availability_slots_have_their_doctors_specialty;
select throws_ok(
    format(
        'insert into app.availability_slots (doctor_id, starts_at, ends_at, specialty) '
        'values (%L, %L, %L, ''cardiology'')',
        pg_temp.id_of('patient'), '2027-03-01 09:00:00+00', '2027-03-01 10:00:00+00'),
    '23503', null, 'not even with the specialty of a doctor');
alter table app.availability_slots enable trigger availability_slots_have_their_doctors_specialty;
select throws_ok(
    format('update app.availability_slots set status = null where id = %L', :'slot'),
    '23502', null, 'a slot always has a status');
select throws_ok(
    'insert into app.availability_slots (doctor_id, starts_at, ends_at) '
    'values (null, now(), now() + interval ''1 hour'')',
    '23502', null, 'a slot always has a doctor');
select throws_ok(
    format(
        'insert into app.availability_slots (doctor_id, starts_at, ends_at) '
        'values (%L, null, now())',
        pg_temp.id_of('doctor')),
    '23502', null, 'a slot always has a start');
select throws_ok(
    format(
        'insert into app.availability_slots (doctor_id, starts_at, ends_at) '
        'values (%L, now(), null)',
        pg_temp.id_of('doctor')),
    '23502', null, 'a slot always has an end');

-- The specialty that slots are searched by
select is(s.specialty::text, 'cardiology', 'a slot has the specialty of its doctor')
from app.availability_slots as s where s.id = :'slot';
update app.doctors set specialty = 'Sports Medicine' where user_id = pg_temp.id_of('doctor');
select is_empty(
    format(
        'select id from app.availability_slots where doctor_id = %L and status <> ''withdrawn'' '
        'and specialty <> ''sports medicine''', pg_temp.id_of('doctor')),
    'when a doctor changes specialty, every slot that counts does');
select is(count(*), 1::bigint, 'slots of other doctors do not')
from app.availability_slots where specialty = 'dermatology';

-- Slots are kept
select throws_ok(
    format('delete from app.availability_slots where id = %L', :'slot'),
    'TM912', null, 'a slot is never deleted');
select throws_ok(
    'truncate app.availability_slots cascade', 'TM912',
    'TRUNCATE of availability_slots is not allowed: its rows are kept as they were written',
    'slots are never emptied out');

select * from finish();
rollback;
