begin;
\ir ../helpers/actors.psql
select plan(32);
reset role;

-- The days with open slots, and how many.
create function pg_temp.days(p_arguments text)
returns text language plpgsql
as $$
declare
    v_days text;
begin
    execute format(
        'select string_agg(to_char(c.day, ''MM-DD'') || ''x'' || c.open_slots, '' '' order by c.day)
            filter (where c.open_slots > 0)
        from api.doctor_calendar(%L, %s) as c', pg_temp.id_of('doctor'), p_arguments)
    into v_days;
    return coalesce(v_days, '');
end;
$$;

-- The doctor is in Berlin, an hour ahead.
select pg_temp.open_slot('doctor', t) from unnest(array[
    timestamptz '2027-01-04 07:30+00', '2027-01-04 08:00+00', '2027-01-04 09:00+00',
    '2027-01-04 22:30+00', '2027-01-04 23:00+00', '2027-01-05 09:00+00',
    '2027-02-03 22:30+00', '2027-02-03 23:00+00', '2027-03-06 22:30+00']) as t \g /dev/null
select pg_temp.open_slot('other_doctor', '2027-01-06 09:00+00') as other_slot \gset
select pg_temp.open_slot('doctor', '2027-01-07 09:00+00') as booked_slot \gset
select pg_temp.open_slot('doctor', '2027-01-08 09:00+00') as withdrawn_slot \gset
set local role telemed_api;
select pg_temp.booking('other_patient', :'booked_slot') as booking \gset
select pg_temp.sign_in('doctor');
select status from api.withdraw_slot(:'withdrawn_slot') \g /dev/null

-- The permitted path
select pg_temp.sign_in('patient');
select results_eq(
    format(
        $$ select * from api.doctor_calendar(%L, '2027-01-03', '2027-01-06', 'Europe/Berlin') $$,
        pg_temp.id_of('doctor')),
    $$
    values
        (date '2027-01-03', 0, null::timestamptz),
        ('2027-01-04', 2, '2027-01-04 09:00:00+00'),
        ('2027-01-05', 2, '2027-01-04 23:00:00+00'),
        ('2027-01-06', 0, null)
    $$,
    'doctor_calendar: each day of the range has the number and the first of its open slots');
select is(pg_temp.days(v.arguments), v.days, 'doctor_calendar: ' || v.sentence)
from (values
    ($$ '2027-01-03', '2027-01-06', 'UTC' $$, '01-04x3 01-05x1',
     'days are those of clocks in the time zone'),
    ($$ '2027-01-03', '2027-01-06', 'Pacific/Honolulu' $$, '01-03x1 01-04x3',
     'days of a time zone behind UTC begin later'),
    ($$ '2027-01-03', '2027-01-06', 'Asia/Tokyo' $$, '01-04x1 01-05x3',
     'days of a time zone ahead of UTC begin earlier'),
    ($$ '2027-01-03', '2027-01-06' $$, '01-04x2 01-05x2',
     'the time zone is by default that of the doctor'),
    ($$ '2027-01-05', '2027-01-05', 'UTC' $$, '01-05x1', 'a range of one day has one day'),
    ($$ '2027-01-06', '2027-01-09', 'UTC' $$, '',
     'slots that are booked, withdrawn or of another doctor do not count'),
    ($$ '2027-01-01', '2027-01-04', 'UTC' $$, '01-04x3', 'slots that have begun do not count'),
    ($$ p_to => '2027-01-04' $$, '01-04x2', 'the range begins by default today'),
    ($$ p_time_zone => 'Asia/Tokyo' $$, '01-04x1 01-05x3',
     'the range has by default 31 days'),
    ('p_from => null', '01-04x2 01-05x2 02-03x1',
     'the range has by default 31 days, of which the last counts until midnight'),
    ($$ '2027-01-05', '2027-03-07', 'Europe/Berlin' $$, '01-05x2 02-03x1 02-04x1 03-06x1',
     'a range of 62 days is accepted')) as v (arguments, days, sentence);
select is(count(*), 31::bigint, 'doctor_calendar: a day without open slots is in the answer, too')
from api.doctor_calendar(pg_temp.id_of('doctor'));

-- Clocks change
reset role;
select pg_temp.set_clock('2027-03-27 08:00:00+00');
select pg_temp.open_slot('doctor', t) from unnest(array[
    timestamptz '2027-03-27 22:30+00', '2027-03-27 23:00+00', '2027-03-28 21:30+00',
    '2027-03-28 22:00+00', '2027-10-30 21:30+00', '2027-10-30 22:00+00', '2027-10-31 00:30+00',
    '2027-10-31 01:30+00', '2027-10-31 22:30+00', '2027-10-31 23:00+00']) as t \g /dev/null
set local role telemed_api;
select is(
    pg_temp.days(v.arguments || $$, 'Europe/Berlin' $$), v.days, 'doctor_calendar: ' || v.sentence)
from (values
    ($$ '2027-03-27', '2027-03-29' $$, '03-27x1 03-28x2 03-29x1',
     'the day on which clocks go forward has 23 hours'),
    ($$ '2027-03-28', '2027-03-28' $$, '03-28x2',
     'a range of the day on which clocks go forward has its 23 hours'),
    ($$ '2027-10-30', '2027-11-01' $$, '10-30x1 10-31x4 11-01x1',
     'the day on which clocks go back has 25 hours'),
    ($$ '2027-10-31', '2027-10-31' $$, '10-31x4',
     'a range of the day on which clocks go back has its 25 hours'))
    as v (arguments, days, sentence);

-- Refusals
select is(
    pg_temp.refusal(v.actor, format(
        'select api.doctor_calendar(%L, %s)', pg_temp.id_of(v.doctor), v.arguments)),
    v.refusal, 'doctor_calendar: ' || v.sentence)
from (values
    ('patient', 'doctor', $$ '2027-05-02', '2027-05-01' $$, 'TM202 to',
     'a range that ends before it begins is refused'),
    ('patient', 'doctor', $$ '2027-05-01', '2027-07-02' $$, 'TM202 to',
     'a range of 63 days is refused'),
    ('patient', 'doctor', $$ '2027-05-01', 'infinity' $$, 'TM202 to',
     'a range to infinity is refused'),
    ('patient', 'doctor', $$ 'infinity' $$, 'TM202 from', 'a range from infinity is refused'),
    ('patient', 'doctor', $$ '-infinity', '2027-05-01' $$, 'TM202 from',
     'a range from -infinity is refused'),
    ('patient', 'doctor', $$ '5874897-12-31' $$, 'TM202 from',
     'a range after the year 9999 is refused'),
    ('patient', 'doctor', $$ '9999-12-31', '10000-01-01' $$, 'TM202 to',
     'a range to the year 10000 is refused'),
    ('patient', 'doctor', $$ '9999-12-31' $$, null, 'the last day of the year 9999 is accepted'),
    ('patient', 'doctor', $$ p_time_zone => 'Nowhere' $$, 'TM204 time_zone',
     'an unknown time zone is refused'),
    ('patient', 'patient', 'null', 'TM401', 'the id of a patient is refused'),
    ('patient', 'unknown', 'null', 'TM401', 'a null id is refused'),
    ('admin', 'doctor', 'null', null, 'an admin can read a calendar'),
    ('other_doctor', 'doctor', 'null', null, 'another doctor can read a calendar'),
    ('nobody', 'doctor', $$ 'infinity' $$, 'TM101',
     'a caller who is not logged in is refused before the arguments are checked'))
    as v (actor, doctor, arguments, refusal, sentence);
reset role;
update app.users set deactivated_at = app.clock() where id = pg_temp.id_of('doctor');
set local role telemed_api;
select pg_temp.sign_in('patient');
select is(
    pg_temp.days($$ '2027-10-30', '2027-11-01' $$), '',
    'doctor_calendar: a deactivated doctor has no open slot');

select * from finish();
rollback;
