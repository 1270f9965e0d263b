begin;
\ir ../helpers/actors.psql
select plan(20);

-- Clocks in Berlin show 02:00 to 03:00 twice on 2027-10-31.
select pg_temp.booking('patient', pg_temp.open_slot('doctor', '2027-01-05 09:00:00+00', 45))
    as winter \gset
select pg_temp.booking('patient', pg_temp.open_slot('doctor', '2027-10-31 00:30:00+00', 60))
    as change \gset
select api.reschedule_consultation(
    :'winter', pg_temp.open_slot('doctor', '2027-01-05 10:00:00+00', 45), 'move') \g /dev/null
select api.cancel_consultation(:'winter', 'A secret') \g /dev/null
reset role;

-- Local times
select is(app.local_time_text(v.at::timestamptz, v.zone), v.text, v.sentence)
from (values
    ('2027-01-05 09:00+00', 'Europe/Berlin', '2027-01-05 10:00 (UTC+01:00)',
     'a local time has the offset of its winter'),
    ('2027-07-05 09:00+00', 'Europe/Berlin', '2027-07-05 11:00 (UTC+02:00)',
     'a local time has the offset of its summer'),
    ('2027-10-31 00:30+00', 'Europe/Berlin', '2027-10-31 02:30 (UTC+02:00)',
     'the first of two equal local times has the offset of the summer'),
    ('2027-10-31 01:30+00', 'Europe/Berlin', '2027-10-31 02:30 (UTC+01:00)',
     'the second of two equal local times has the offset of the winter'),
    ('2027-01-05 09:00+00', 'UTC', '2027-01-05 09:00 (UTC+00:00)', 'UTC has an offset of zero'),
    ('2027-01-05 09:00+00', 'America/St_Johns', '2027-01-05 05:30 (UTC-03:30)',
     'an offset west of Greenwich has a minus, and half hours'),
    ('2027-01-05 22:00+00', 'Asia/Kathmandu', '2027-01-06 03:45 (UTC+05:45)',
     'a local time may be on another day'),
    ('9999-12-31 23:00+00', 'Asia/Tokyo', '10000-01-01 08:00 (UTC+09:00)',
     'a local time may be after the year 9999')
) as v (at, zone, text, sentence);

-- The entry
select collect_tap(
    is(e.sequence, 2, 'a reschedule and a cancellation make the sequence 2'),
    is(e.status, 'cancelled', 'an entry has the status of the consultation'),
    is(e.doctor_name, 'Doctor doctor', 'the patient sees the name of the doctor'),
    is((e.starts_at, e.ends_at)::text,
        (timestamptz '2027-01-05 10:00+00', timestamptz '2027-01-05 10:45+00')::text,
        'an entry has the times of the slot'),
    is(e.time_zone, 'Europe/Berlin', 'without a time zone of the reader, it is the doctor''s'),
    is(e.starts_at_local, '2027-01-05 11:00 (UTC+01:00)', 'an entry has its local start'),
    is(e.ends_at_local, '2027-01-05 11:45 (UTC+01:00)', 'an entry has its local end'),
    is(e.language, null, 'the language of a reader may be unknown'))
from app.calendar_entries_of(array[:'winter']::uuid[], pg_temp.id_of('patient')) as e;
update app.profiles set time_zone = 'Asia/Tokyo', language = 'de'
where user_id = pg_temp.id_of('patient');
select is(
    (e.starts_at_local, e.time_zone, e.language)::text,
    ('2027-01-05 19:00 (UTC+09:00)', 'Asia/Tokyo', 'de')::text,
    'an entry has the time zone and the language of its reader')
from app.calendar_entries_of(array[:'winter']::uuid[], pg_temp.id_of('patient')) as e;
select is(e.doctor_name, null, 'the doctor does not see the own name')
from app.calendar_entries_of(array[:'winter']::uuid[], pg_temp.id_of('doctor')) as e;
select results_eq(
    format(
        'select e.consultation_id from app.calendar_entries_of(%L, %L) as e',
        array[:'change', :'winter', gen_random_uuid()::text], pg_temp.id_of('admin')),
    array[:'winter', :'change']::uuid[],
    'entries are in the order of their start, and unknown ids have none');
select is_empty(
    format(
        $$ select e from app.calendar_entries_of(%L, %L) as e
           where e::text ~ 'Patient|secret|%s' $$,
        array[:'change', :'winter'], pg_temp.id_of('doctor'), pg_temp.id_of('patient')),
    'an entry has neither the patient nor a reason');

select * from finish();
rollback;
