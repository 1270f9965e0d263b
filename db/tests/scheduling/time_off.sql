begin;
\ir ../helpers/actors.psql
select plan(37);
reset role;

-- The owner of the table writes directly here, without the functions.
create function pg_temp.time_off_sql(
    p_starts_at text, p_ends_at text, p_doctor text default 'doctor', p_reason text default null)
returns text language sql
as $$
    select format(
        'insert into app.time_off (doctor_id, starts_at, ends_at, reason) values (%L, %L, %L, %L)',
        pg_temp.id_of(p_doctor), p_starts_at, p_ends_at, p_reason)
$$;

select lives_ok(
    pg_temp.time_off_sql('2027-01-05 09:00:00+00', '2027-01-05 17:00:00+00'),
    'a doctor can have time off');

-- Time off of a doctor never overlaps
select throws_ok(
    pg_temp.time_off_sql('2027-01-05 16:59:59.999999+00', '2027-01-05 18:00:00+00'), '23P01',
    'conflicting key value violates exclusion constraint "time_off_of_a_doctor_never_overlaps"',
    'time off cannot overlap the last microsecond of other time off');
select throws_ok(
    pg_temp.time_off_sql('2027-01-04 09:00:00+00', '2027-01-06 09:00:00+00'), '23P01', null,
    'time off cannot enclose other time off');
select lives_ok(
    pg_temp.time_off_sql('2027-01-05 17:00:00+00', '2027-01-05 18:00:00+00'),
    'time off may begin at the instant at which other time off ends');
select lives_ok(
    pg_temp.time_off_sql('2027-01-05 09:00:00+00', '2027-01-05 17:00:00+00', 'other_doctor'),
    'two doctors may have the same time off');

-- Columns of time off
select throws_ok(pg_temp.time_off_sql(v.starts_at, v.ends_at, v.doctor, v.reason), v.code, null,
    v.sentence)
from (values
    ('2027-02-01 09:00+00', '2027-02-01 09:00+00', 'doctor', null, '23514',
     'time off cannot have a length of zero'),
    ('2027-02-01 09:00+00', '2027-02-01 08:00+00', 'doctor', null, '23514',
     'time off ends after it begins'),
    ('2027-02-01 09:00+00', 'infinity', 'doctor', null, '23514', 'the end of time off is finite'),
    ('-infinity', '2027-02-01 09:00+00', 'doctor', null, '23514',
     'the start of time off is finite'),
    ('2027-02-01 09:00+00', '10000-01-01 00:00+00', 'doctor', null, '23514',
     'time off ends before the year 10000'),
    ('2027-02-01 09:00+00', '2027-02-01 10:00+00', 'doctor', '', '23514',
     'the reason for time off is not empty'),
    ('2027-02-01 09:00+00', '2027-02-01 10:00+00', 'doctor', repeat('r', 4001), '23514',
     'the reason for time off has at most 4000 characters'),
    ('2027-02-01 09:00+00', '2027-02-01 10:00+00', 'patient', null, '23503',
     'a patient cannot have time off'),
    (null, '2027-02-01 10:00+00', 'doctor', null, '23502', 'time off always has a start'),
    ('2027-02-01 09:00+00', null, 'doctor', null, '23502', 'time off always has an end'),
    ('2027-02-01 09:00+00', '2027-02-01 10:00+00', 'nobody', null, '23502',
     'time off always has a doctor')
) as v (starts_at, ends_at, doctor, reason, code, sentence);
select lives_ok(
    pg_temp.time_off_sql('2027-02-01 09:00+00', '2027-02-01 10:00+00', 'doctor', repeat('r', 4000)),
    'the reason for time off may have 4000 characters');

-- A slot cannot lie within time off, even if it is written directly
select throws_ok(
    $$select pg_temp.open_slot('doctor', '2027-01-05 08:31:00+00')$$,
    'TM913', null, 'a new slot cannot reach into time off');
select throws_ok(
    $$select pg_temp.open_slot('doctor', '2027-01-05 12:00:00+00')$$,
    'TM913', null, 'a new slot cannot lie within time off');
select lives_ok(
    $$select pg_temp.open_slot('doctor', '2027-01-05 08:30:00+00')$$,
    'a slot may end at the instant at which time off begins');
select lives_ok(
    $$select pg_temp.open_slot('doctor', '2027-01-05 18:00:00+00')$$,
    'a slot may begin at the instant at which time off ends');
select lives_ok(
    $$select pg_temp.open_slot('other_doctor', '2027-01-05 17:00:00+00')$$,
    'a slot may overlap time off of another doctor');

-- Time off withdraws slots, even if it is written directly
select pg_temp.open_slot('doctor', '2027-03-01 08:59:00+00') as over_its_start \gset
select pg_temp.open_slot('doctor', '2027-03-01 16:59:00+00') as over_its_end \gset
select pg_temp.open_slot('doctor', '2027-03-01 12:00:00+00') as within \gset
select pg_temp.open_slot('doctor', '2027-03-01 13:00:00+00') as booked \gset
select pg_temp.open_slot('doctor', '2027-03-01 08:29:00+00') as before \gset
select pg_temp.open_slot('doctor', '2027-03-01 17:29:00+00') as after \gset
select pg_temp.open_slot('other_doctor', '2027-03-01 12:00:00+00') as of_other_doctor \gset
select pg_temp.booking('patient', :'booked') as booking \gset
select lives_ok(
    pg_temp.time_off_sql('2027-03-01 09:00:00+00', '2027-03-01 17:00:00+00'),
    'the owner of the table can write time off directly');
select is(s.status, v.status, v.sentence)
from (values
    (:'over_its_start'::uuid, 'withdrawn',
     'time off withdraws an open slot that overlaps its start'),
    (:'over_its_end', 'withdrawn', 'time off withdraws an open slot that overlaps its end'),
    (:'within', 'withdrawn', 'time off withdraws an open slot within it'),
    (:'booked', 'booked', 'time off leaves a booked slot as it is'),
    (:'before', 'open', 'time off leaves open a slot that ends before it begins'),
    (:'after', 'open', 'time off leaves open a slot that begins after it ends'),
    (:'of_other_doctor', 'open', 'time off leaves open a slot of another doctor')
) as v (id, status, sentence)
inner join app.availability_slots as s on s.id = v.id;

-- Time off cannot be changed in part
select throws_ok(
    format(
        'update app.time_off set %s where doctor_id = %L', v.change, pg_temp.id_of('doctor')),
    'TM912', 'UPDATE of time_off is not allowed: its rows are kept as they were written',
    v.sentence)
from (values
    ('ends_at = ends_at + interval ''1 minute''', 'time off cannot be made longer'),
    ('ends_at = ends_at - interval ''1 minute''', 'time off cannot be made shorter'),
    ('doctor_id = ' || quote_literal(pg_temp.id_of('other_doctor')),
     'time off cannot pass to another doctor'),
    ('reason = ''Another reason''', 'the reason for time off cannot change')
) as v (change, sentence);
select lives_ok(
    format('delete from app.time_off where doctor_id = %L', pg_temp.id_of('doctor')),
    'time off can be deleted');
select is(s.status, 'withdrawn', 'deleting time off does not reopen a slot that it withdrew')
from app.availability_slots as s where s.id = :'within';
select throws_ok('truncate app.time_off', 'TM912', null,
    'the table of time off cannot be truncated');

select * from finish();
rollback;
