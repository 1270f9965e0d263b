begin;
\ir ../helpers/actors.psql
select plan(37);
reset role;

-- Everything here is written by the owner of the table, past every function
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
    'a doctor is away for a day');

-- Time off of a doctor never overlaps
select throws_ok(
    pg_temp.time_off_sql('2027-01-05 16:59:59.999999+00', '2027-01-05 18:00:00+00'), '23P01',
    'conflicting key value violates exclusion constraint "time_off_of_a_doctor_never_overlaps"',
    'nobody is away twice at once');
select throws_ok(
    pg_temp.time_off_sql('2027-01-04 09:00:00+00', '2027-01-06 09:00:00+00'), '23P01', null,
    'not even for a longer time');
select lives_ok(
    pg_temp.time_off_sql('2027-01-05 17:00:00+00', '2027-01-05 18:00:00+00'),
    'one absence may follow another one at once');
select lives_ok(
    pg_temp.time_off_sql('2027-01-05 09:00:00+00', '2027-01-05 17:00:00+00', 'other_doctor'),
    'two doctors may be away together');

-- What time off must have
select throws_ok(pg_temp.time_off_sql(v.starts_at, v.ends_at, v.doctor, v.reason), v.code, null,
    v.sentence)
from (values
    ('2027-02-01 09:00+00', '2027-02-01 09:00+00', 'doctor', null, '23514',
     'time off lasts some time'),
    ('2027-02-01 09:00+00', '2027-02-01 08:00+00', 'doctor', null, '23514',
     'time off ends after it begins'),
    ('2027-02-01 09:00+00', 'infinity', 'doctor', null, '23514', 'time off ends some day'),
    ('-infinity', '2027-02-01 09:00+00', 'doctor', null, '23514', 'time off begins some day'),
    ('2027-02-01 09:00+00', '10000-01-01 00:00+00', 'doctor', null, '23514',
     'it ends before year 10000'),
    ('2027-02-01 09:00+00', '2027-02-01 10:00+00', 'doctor', '', '23514', 'a reason is not empty'),
    ('2027-02-01 09:00+00', '2027-02-01 10:00+00', 'doctor', repeat('r', 4001), '23514',
     'a reason has at most 4000 characters'),
    ('2027-02-01 09:00+00', '2027-02-01 10:00+00', 'patient', null, '23503',
     'a patient has no time off'),
    (null, '2027-02-01 10:00+00', 'doctor', null, '23502', 'time off has a start'),
    ('2027-02-01 09:00+00', null, 'doctor', null, '23502', 'time off has an end'),
    ('2027-02-01 09:00+00', '2027-02-01 10:00+00', 'nobody', null, '23502', 'time off has a doctor')
) as v (starts_at, ends_at, doctor, reason, code, sentence);
select lives_ok(
    pg_temp.time_off_sql('2027-02-01 09:00+00', '2027-02-01 10:00+00', 'doctor', repeat('r', 4000)),
    'a reason may have 4000 characters');

-- No slot within time off, whoever writes it
select throws_ok(
    $$select pg_temp.open_slot('doctor', '2027-01-05 08:31:00+00')$$,
    'TM913', null, 'no slot is offered that reaches into time off');
select throws_ok(
    $$select pg_temp.open_slot('doctor', '2027-01-05 12:00:00+00')$$,
    'TM913', null, 'no slot is offered in the middle of time off');
select lives_ok(
    $$select pg_temp.open_slot('doctor', '2027-01-05 08:30:00+00')$$,
    'a slot may end when time off begins');
select lives_ok(
    $$select pg_temp.open_slot('doctor', '2027-01-05 18:00:00+00')$$,
    'a slot may begin when time off ends');
select lives_ok(
    $$select pg_temp.open_slot('other_doctor', '2027-01-05 17:00:00+00')$$,
    'time off of one doctor does not bind another one');

-- Time off withdraws slots, whoever writes it
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
    'time off is written past every function');
select is(s.status, v.status, v.sentence)
from (values
    (:'over_its_start'::uuid, 'withdrawn', 'an open slot that reaches into it is withdrawn'),
    (:'over_its_end', 'withdrawn', 'so is one that ends after it'),
    (:'within', 'withdrawn', 'and one within it'),
    (:'booked', 'booked', 'one that is booked stands'),
    (:'before', 'open', 'one that ends before it stays open'),
    (:'after', 'open', 'so does one that begins after it'),
    (:'of_other_doctor', 'open', 'and a colleague''s')
) as v (id, status, sentence)
inner join app.availability_slots as s on s.id = v.id;

-- Time off is taken or ended whole
select throws_ok(
    format(
        'update app.time_off set %s where doctor_id = %L', v.change, pg_temp.id_of('doctor')),
    'TM912', 'UPDATE of time_off is not allowed: its rows are kept as they were written',
    v.sentence)
from (values
    ('ends_at = ends_at + interval ''1 minute''', 'time off is not made longer'),
    ('ends_at = ends_at - interval ''1 minute''', 'nor shorter'),
    ('doctor_id = ' || quote_literal(pg_temp.id_of('other_doctor')), 'nor somebody else''s'),
    ('reason = ''Another reason''', 'nor taken for another reason')
) as v (change, sentence);
select lives_ok(
    format('delete from app.time_off where doctor_id = %L', pg_temp.id_of('doctor')),
    'but it may end');
select is(s.status, 'withdrawn', 'which brings no slot back')
from app.availability_slots as s where s.id = :'within';
select throws_ok('truncate app.time_off', 'TM912', null, 'time off is never emptied out');

select * from finish();
rollback;
