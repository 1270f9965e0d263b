begin;
\ir ../helpers/actors.psql
\ir ../helpers/reads.psql
select plan(35);
reset role;

-- Entries, with the local part of what the answer has.
create function pg_temp.entries(p_arguments text)
returns text language plpgsql
as $$
declare
    v_entries text;
begin
    execute format(
        'select string_agg(concat_ws('' '', s.kind, to_char(s.starts_at, ''MM-DD HH24:MI'')), '', ''
            order by s.n)
         from api.my_schedule(%s) with ordinality
            as s (kind, id, starts_at, ends_at, status, patient_id, patient_name, reason, n)',
        p_arguments)
    into v_entries;
    return coalesce(v_entries, '');
end;
$$;

-- The doctor is in Berlin, an hour ahead.
select pg_temp.open_slot('doctor', '2027-01-05 09:00+00') as open_slot \gset
select pg_temp.open_slot('doctor', '2027-01-05 11:00+00') as withdrawn_slot \gset
select pg_temp.open_slot('other_doctor', '2027-01-05 09:00+00') as other_slot \gset
select pg_temp.open_slot('doctor', '2027-01-05 10:00+00') as booked_slot \gset
select pg_temp.sign_in('patient');
select c.id as booking from api.book_consultation(:'booked_slot', 'A rash', 'key') as c \gset
select pg_temp.booking('patient', :'other_slot') as foreign_booking \gset
select pg_temp.booking('other_patient', pg_temp.open_slot('doctor', '2027-01-05 12:00+00'))
    as cancelled \gset
select status from api.cancel_consultation(:'cancelled') \g /dev/null
select pg_temp.sign_in('doctor');
select status from api.withdraw_slot(:'withdrawn_slot') \g /dev/null
select id as time_off
from api.take_time_off('2027-01-05 13:00+00', '2027-01-07 09:00+00', 'Holiday') \gset

-- The permitted path
select pg_temp.sign_in('doctor');
select results_eq(
    $$ select * from api.my_schedule('2027-01-05', '2027-01-05') $$,
    format(
        $$ values
        ('slot', %L::uuid, timestamptz '2027-01-05 09:00+00', timestamptz '2027-01-05 09:30+00',
         'open', null::uuid, null, null),
        ('consultation', %L, '2027-01-05 10:00+00', '2027-01-05 10:30+00',
         'scheduled', %L, 'Patient patient', 'A rash'),
        ('slot', %L, '2027-01-05 12:00+00', '2027-01-05 12:30+00', 'open', null, null, null),
        ('time_off', %L, '2027-01-05 13:00+00', '2027-01-07 09:00+00', null, null, null, 'Holiday')
        $$,
        :'open_slot', :'booking', pg_temp.id_of('patient'),
        (select c.slot_id from api.list_consultations('cancelled') as c), :'time_off'),
    'my_schedule: a day has its open slots, consultations and time off in the order of time');

select is(pg_temp.entries(v.arguments), v.entries, 'my_schedule: ' || v.sentence)
from (values
    ($$ '2027-01-06', '2027-01-06' $$, 'time_off 01-05 13:00',
     'time off is on each day that it covers'),
    ($$ '2027-01-07', '2027-01-07' $$, 'time_off 01-05 13:00',
     'time off is on the day on which it ends'),
    ($$ '2027-01-08', '2027-01-10' $$, '', 'days without entries have an empty answer'),
    ($$ '2027-01-04', '2027-01-05', 'Pacific/Honolulu' $$,
     'slot 01-05 09:00, consultation 01-05 10:00, slot 01-05 12:00, time_off 01-05 13:00',
     'days of a time zone behind UTC end later'),
    ($$ '2027-01-05', '2027-01-05', 'Asia/Tokyo' $$,
     'slot 01-05 09:00, consultation 01-05 10:00, slot 01-05 12:00, time_off 01-05 13:00',
     'days of a time zone ahead of UTC begin earlier'),
    ($$ '2027-01-06', '2027-01-06', 'Pacific/Kiritimati' $$,
     'consultation 01-05 10:00, slot 01-05 12:00, time_off 01-05 13:00',
     'a slot before midnight is on the day before')
) as v (arguments, entries, sentence);
select is(pg_temp.entries('null'), pg_temp.entries($$ '2027-01-04', '2027-01-10' $$),
    'my_schedule: by default the schedule has seven days from today on');
select is(pg_temp.entries($$ '2027-01-05', '2027-01-05', null $$),
    pg_temp.entries($$ '2027-01-05', '2027-01-05', 'Europe/Berlin' $$),
    'my_schedule: the time zone is by default that of the doctor');
select pg_temp.sign_in('other_doctor');
select is(pg_temp.entries($$ '2027-01-05', '2027-01-05' $$), 'consultation 01-05 09:00',
    'my_schedule: another doctor has another schedule');

-- States of a consultation
select pg_temp.sign_in('doctor');
reset role;
select pg_temp.set_clock('2027-01-05 10:05+00');
set local role telemed_api;
select status from api.complete_consultation(:'booking', 'Rest') \g /dev/null
select is(s.status, 'completed', 'my_schedule: a completed consultation stays in the schedule')
from api.my_schedule('2027-01-05', '2027-01-05') as s where s.id = :'booking';
select is(count(*), 1::bigint, 'my_schedule: an open slot that has begun stays in the schedule')
from api.my_schedule('2027-01-05', '2027-01-05') as s where s.id = :'open_slot';

-- Entries across midnight
reset role;
select pg_temp.set_clock('2027-02-01 08:00+00');
select pg_temp.open_slot('doctor', '2027-02-01 22:45+00') as night \gset
select pg_temp.booking('patient', pg_temp.open_slot('doctor', '2027-02-02 22:45+00'))
    as night_booking \gset
select pg_temp.sign_in('doctor');
select is(pg_temp.entries(v.arguments), v.entries, 'my_schedule: ' || v.sentence)
from (values
    ($$ '2027-02-01', '2027-02-01' $$, 'slot 02-01 22:45',
     'a slot over midnight is on the day on which it begins'),
    ($$ '2027-02-02', '2027-02-02' $$, 'slot 02-01 22:45, consultation 02-02 22:45',
     'a slot over midnight is on the day on which it ends'),
    ($$ '2027-02-03', '2027-02-03' $$, 'consultation 02-02 22:45',
     'a consultation over midnight is on the day on which it ends'),
    ($$ '2027-02-02', '2027-02-02', 'Africa/Lagos' $$,
     'slot 02-01 22:45, consultation 02-02 22:45',
     'a time zone with the same clocks has the same days')
) as v (arguments, entries, sentence);
reset role;
select pg_temp.open_slot('doctor', '2027-02-10 22:30+00') as until_midnight \gset
select pg_temp.sign_in('doctor');
select is(pg_temp.entries($$ '2027-02-11', '2027-02-11' $$), '',
    'my_schedule: a slot that ends at midnight is not on the next day');
reset role;
insert into app.availability_slots (doctor_id, starts_at, ends_at)
values (pg_temp.id_of('doctor'), '2027-02-13 23:00+00', '2027-02-14 23:00+00');
select pg_temp.sign_in('doctor');
select is(pg_temp.entries($$ '2027-02-14', '2027-02-14' $$), 'slot 02-13 23:00',
    'my_schedule: a slot of a whole day is on its day');
select is(pg_temp.entries($$ '2027-02-15', '2027-02-15' $$), '',
    'my_schedule: a slot of a whole day is not on the next day');

-- Clocks change
reset role;
select pg_temp.open_slot('doctor', t) from unnest(array[
    timestamptz '2027-03-27 22:00+00', '2027-03-27 23:00+00', '2027-03-28 21:00+00',
    '2027-03-28 22:00+00', '2027-10-30 21:00+00', '2027-10-30 22:00+00', '2027-10-31 00:15+00',
    '2027-10-31 01:15+00', '2027-10-31 22:15+00', '2027-10-31 23:00+00']) as t \g /dev/null
select pg_temp.sign_in('doctor');
select is(pg_temp.entries(v.arguments), v.entries, 'my_schedule: ' || v.sentence)
from (values
    ($$ '2027-03-28', '2027-03-28' $$, 'slot 03-27 23:00, slot 03-28 21:00',
     'the day on which clocks go forward has 23 hours'),
    ($$ '2027-10-31', '2027-10-31' $$,
     'slot 10-30 22:00, slot 10-31 00:15, slot 10-31 01:15, slot 10-31 22:15',
     'the day on which clocks go back has 25 hours')
) as v (arguments, entries, sentence);

-- Refusals
select is(
    pg_temp.refusal(v.actor, format('select api.my_schedule(%s)', v.arguments)),
    v.refusal, 'my_schedule: ' || v.sentence)
from (values
    ('doctor', $$ '2027-05-02', '2027-05-01' $$, 'TM202 to',
     'a range that ends before it begins is refused'),
    ('doctor', $$ '2027-05-01', '2027-06-01' $$, 'TM202 to', 'a range of 32 days is refused'),
    ('doctor', $$ '2027-05-01', '2027-05-31' $$, null, 'a range of 31 days is accepted'),
    ('doctor', $$ '2027-05-01', 'infinity' $$, 'TM202 to', 'a range to infinity is refused'),
    ('doctor', $$ 'infinity' $$, 'TM202 from', 'a range from infinity is refused'),
    ('doctor', $$ '-infinity', '2027-05-01' $$, 'TM202 from',
     'a range from -infinity is refused'),
    ('doctor', $$ '9999-12-31' $$, null, 'the last day of the year 9999 is accepted'),
    ('doctor', $$ '9999-12-31', '10000-01-01' $$, 'TM202 to',
     'a range to the year 10000 is refused'),
    ('doctor', $$ p_time_zone => 'Nowhere' $$, 'TM204 time_zone',
     'an unknown time zone is refused'),
    ('patient', 'null', 'TM301', 'a patient is refused'),
    ('admin', 'null', 'TM301', 'an admin is refused'),
    ('nobody', $$ 'infinity' $$, 'TM101',
     'a caller who is not logged in is refused before the arguments are checked')
) as v (actor, arguments, refusal, sentence);

-- In the access log
reset role;
select pg_temp.records_read(
    'my_schedule', 'doctor', $$ '2027-01-05', '2027-01-05' $$, :'booking');
reset role;
select is_empty(
    format(
        $q$ select l.id from app.access_logs as l
            where l.operation = 'my_schedule' and l.user_id = %L
              and %L = any (l.resource_ids) $q$,
        pg_temp.id_of('doctor'), :'cancelled'),
    'my_schedule: the access log names no consultation that the answer does not have');

select * from finish();
rollback;
