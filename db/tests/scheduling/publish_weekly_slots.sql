begin;
\ir ../helpers/actors.psql
\ir ../helpers/keys.psql
select plan(134);

reset role;
create function pg_temp.starts(p_publication api.weekly_publication)
returns timestamptz[] language sql
as $$
    select coalesce(array_agg(i.starts_at order by i.n), '{}')
    from unnest((p_publication).items)
        with ordinality as i (id, doctor_id, starts_at, ends_at, status, n)
$$;

create function pg_temp.skipped(p_publication api.weekly_publication)
returns text[] language sql
as $$
    select coalesce(
        array_agg(to_char(s.starts_at_local, 'MM-DD HH24:MI ') || s.reason order by s.n), '{}')
    from unnest((p_publication).skipped) with ordinality as s (starts_at_local, reason, n)
$$;
set local role telemed_api;

-- The permitted path. 2027-01-11 is a Monday; the doctor's clocks are those of Berlin.
select pg_temp.sign_in('doctor');
select w.items, w.skipped
from api.publish_weekly_slots('2027-01-11', '2027-01-20', '{1,3}', '09:00', '10:30', 30) as w \gset
select collect_tap(
    is(count(*), 12::bigint, 'a doctor publishes three slots on each of four days'),
    is(:'skipped'::text, '{}', 'weekly slots on free days skip nothing'),
    is(array_agg(distinct i.doctor_id), array[pg_temp.id_of('doctor')],
        'weekly slots belong to the calling doctor'),
    is(min(i.starts_at), '2027-01-11 08:00:00+00',
        'the first weekly slot begins at 09:00 in the doctor''s time zone'),
    is(min(i.ends_at), '2027-01-11 08:30:00+00', 'a weekly slot has the requested length'),
    is(array_agg(distinct i.status), '{open}', 'weekly slots are open'),
    is(
        max(i.ends_at), '2027-01-20 09:30:00+00',
        'weekly slots include the last day, on which the last slot ends with the hours'))
from unnest(:'items'::api.availability_slots[]) as i;
select is(array_agg(s.id),
    (select array_agg(i.id) from unnest(:'items'::api.availability_slots[]) as i),
    'list_open_slots returns exactly the published weekly slots, in their order')
from api.list_open_slots(pg_temp.id_of('doctor')) as s;

-- The same hours twice
select p.items[1] as first_slot, p.items[2] as second_slot
from (
    select array_agg(i.id order by i.starts_at) as items
    from unnest(:'items'::api.availability_slots[]) as i
) as p \gset
select lives_ok(format('select api.withdraw_slot(%L)', :'first_slot'),
    'the doctor withdraws one of the weekly slots');
select pg_temp.booking('patient', :'second_slot') as booking \gset
select pg_temp.sign_in('doctor');
select collect_tap(
    is(
        pg_temp.starts(w), '{2027-01-11 08:00:00+00}',
        'publishing the same hours again adds only the slot that was withdrawn'),
    isnt((w.items[1]).id, :'first_slot',
        'publishing the time of a withdrawn slot again makes a new slot'),
    is(cardinality(w.skipped), 11,
        'publishing the same hours again returns the eleven slots that were skipped'),
    is(
        (pg_temp.skipped(w))[1], '01-11 09:30 already_published',
        'a booked slot is skipped with its local start and the reason already_published'))
from api.publish_weekly_slots('2027-01-11', '2027-01-20', '{1,3}', '09:00', '10:30', 30) as w;
select is(
    pg_temp.starts(w), '{2027-01-25 08:00:00+00,2027-01-25 08:30:00+00,2027-01-25 09:00:00+00}',
    'publishing the same hours for a longer period adds only the later slots')
from api.publish_weekly_slots('2027-01-11', '2027-01-25', '{1,3}', '09:00', '10:30', 30) as w;

-- Days and numbers of slots
select is(pg_temp.starts(w), '{2027-02-07 08:00:00+00}', 'weekday 7 is Sunday')
from api.publish_weekly_slots('2027-02-01', '2027-02-07', '{7}', '09:00', '10:00', 60) as w;
select is(pg_temp.starts(w), '{2027-02-06 08:00:00+00}',
    'a weekday that is given twice counts once')
from api.publish_weekly_slots('2027-02-01', '2027-02-07', '{6,6}', '09:00', '10:00', 60) as w;
select is(
    pg_temp.starts(w), '{2027-02-05 08:00:00+00,2027-02-05 08:30:00+00}',
    'the rest of the hours after the last whole slot stays free')
from api.publish_weekly_slots('2027-02-05', '2027-02-05', '{5}', '09:00', '10:29', 30) as w;
select is(
    cardinality(w.items) + cardinality(w.skipped), 0,
    'a period that contains none of the weekdays publishes nothing')
from api.publish_weekly_slots('2027-02-01', '2027-02-02', '{5}', '09:00', '10:00', 30) as w;
select is(
    pg_temp.starts(w), '{2027-02-02 23:00:00+00}',
        'a weekly slot may last from midnight to midnight')
from api.publish_weekly_slots('2027-02-03', '2027-02-03', '{3}', '00:00', '24:00', 1440) as w;
select is(cardinality(w.items), 12, 'a weekly slot may last five minutes')
from api.publish_weekly_slots('2027-02-02', '2027-02-02', '{2}', '09:00', '10:00', 5) as w;

-- Overlaps
select lives_ok(
    $$select api.publish_slot('2027-02-08 08:15:00+00', '2027-02-08 08:45:00+00')$$,
    'the doctor publishes a single slot from 09:15 to 09:45');
select collect_tap(
    is(pg_temp.starts(w), '{2027-02-08 09:00:00+00}',
        'weekly slots beside a single slot are published'),
    is(pg_temp.skipped(w), '{02-08 09:00 overlaps,02-08 09:30 overlaps}',
        'weekly slots that overlap a single slot are skipped'))
from api.publish_weekly_slots('2027-02-08', '2027-02-08', '{1}', '09:00', '10:30', 30) as w;
select is(
    pg_temp.skipped(w), '{02-08 10:00 overlaps}',
    'a weekly slot with the start but not the length of another slot is skipped as an overlap')
from api.publish_weekly_slots('2027-02-08', '2027-02-08', '{1}', '10:00', '11:00', 60) as w;
select collect_tap(
    is(pg_temp.starts(w), '{2027-01-04 09:00:00+00}',
        'weekly slots of today that have not begun are published'),
    is(
        pg_temp.skipped(w), '{01-04 08:00 in_the_past,01-04 09:00 in_the_past}',
        'weekly slots of today that have begun or begin now are skipped'))
from api.publish_weekly_slots('2027-01-04', '2027-01-04', '{1}', '08:00', '11:00', 60) as w;
select lives_ok(
    $$select api.take_time_off('2027-02-15 08:30:00+00', '2027-02-15 10:00:00+00')$$,
    'the doctor takes time off from 09:30 to 11:00');
select collect_tap(
    is(
        pg_temp.starts(w), '{2027-02-15 07:00:00+00,2027-02-15 10:00:00+00}',
        'weekly slots around time off are published'),
    is(
        pg_temp.skipped(w), '{02-15 09:00 time_off,02-15 10:00 time_off}',
        'weekly slots that overlap time off, even in part, are skipped'))
from api.publish_weekly_slots('2027-02-15', '2027-02-15', '{1}', '08:00', '12:00', 60) as w;

-- Clocks change
select is(
    pg_temp.starts(w), '{2027-03-22 08:00:00+00,2027-03-29 07:00:00+00}',
    '09:00 in Berlin stays 09:00 when clocks go forward')
from api.publish_weekly_slots('2027-03-22', '2027-03-29', '{1}', '09:00', '10:00', 60) as w;
select is(
    pg_temp.starts(w), '{2027-10-25 07:00:00+00,2027-11-01 08:00:00+00}',
    '09:00 in Berlin stays 09:00 when clocks go back')
from api.publish_weekly_slots('2027-10-25', '2027-11-01', '{1}', '09:00', '10:00', 60) as w;
select collect_tap(
    is(
        pg_temp.starts(w), '{2027-03-28 00:00:00+00,2027-03-28 01:00:00+00}',
        'weekly slots in Berlin follow each other around the skipped hour'),
    is(pg_temp.skipped(w), '{03-28 02:00 no_such_local_time}',
        'a weekly slot within the hour that Berlin skips is reported as no_such_local_time'))
from api.publish_weekly_slots('2027-03-28', '2027-03-28', '{7}', '01:00', '04:00', 60) as w;
select collect_tap(
    is(
        pg_temp.starts(w),
        '{2027-10-30 23:00:00+00,2027-10-31 00:00:00+00,2027-10-31 01:00:00+00,'
        '2027-10-31 02:00:00+00}',
        'the repeated hour in Berlin is offered twice'),
    is(pg_temp.skipped(w), '{}', 'the repeated hour in Berlin causes no skipped slot'))
from api.publish_weekly_slots('2027-10-31', '2027-10-31', '{7}', '01:00', '04:00', 60) as w;

select pg_temp.sign_in('other_doctor');
select is(
    pg_temp.starts(w), '{2027-03-08 14:00:00+00,2027-03-15 13:00:00+00}',
    'weekly hours may be given in another time zone and follow its clocks in March')
from api.publish_weekly_slots(
    '2027-03-08', '2027-03-15', '{1}', '09:00', '10:00', 60, 'America/New_York') as w;
select is(
    pg_temp.starts(w), '{2027-11-01 13:00:00+00,2027-11-08 14:00:00+00}',
    'weekly hours in another time zone follow its clocks in November')
from api.publish_weekly_slots(
    '2027-11-01', '2027-11-08', '{1}', '09:00', '10:00', 60, 'America/New_York') as w;
select collect_tap(
    is(
        pg_temp.starts(w), '{2027-10-02 15:00:00+00,2027-10-02 16:30:00+00}',
        'weekly slots on Lord Howe never overlap when clocks go forward by half an hour'),
    is(pg_temp.skipped(w), '{10-03 02:30 overlaps}',
        'a weekly slot on Lord Howe that would overlap when clocks go forward is skipped'))
from api.publish_weekly_slots(
    '2027-10-03', '2027-10-03', '{7}', '01:30', '04:30', 60, 'Australia/Lord_Howe') as w;
select collect_tap(
    is(
        pg_temp.starts(w), '{2027-04-03 13:30:00+00,2027-04-03 14:30:00+00,2027-04-03 16:00:00+00}',
        'weekly slots on Lord Howe never overlap when clocks go back by half an hour'),
    is(pg_temp.skipped(w), '{04-04 01:30 overlaps}',
        'a weekly slot on Lord Howe that would overlap when clocks go back is skipped'),
    is((w.skipped[1]).starts_at, '2027-04-03 15:00:00+00',
        'the instant of a skipped slot distinguishes the second 01:30 on Lord Howe from the first'))
from api.publish_weekly_slots(
    '2027-04-04', '2027-04-04', '{7}', '00:30', '03:30', 60, 'Australia/Lord_Howe') as w;
select collect_tap(
    is(
        pg_temp.starts(w), '{2027-03-28 00:00:00+00,2027-03-28 01:00:00+00,2027-03-28 02:00:00+00}',
        'weekly slots at Troll follow each other when clocks go forward by two hours'),
    is(
        pg_temp.skipped(w), '{03-28 01:00 no_such_local_time,03-28 02:00 no_such_local_time}',
        'weekly slots within the two hours that Troll skips are reported as no_such_local_time'))
from api.publish_weekly_slots(
    '2027-03-28', '2027-03-28', '{7}', '00:00', '05:00', 60, 'Antarctica/Troll') as w;
select pg_temp.sign_in('doctor');
select collect_tap(
    is(
        pg_temp.starts(w), '{2029-03-10 05:00:00+00,2029-03-12 04:00:00+00}',
        'a day of 23 hours has no room for a slot of 24 hours'),
    is(
        pg_temp.skipped(w), '{03-11 00:00 does_not_fit}',
        'a weekly slot that does not fit is skipped and leaves the next day to its slot'))
from api.publish_weekly_slots(
    '2029-03-10', '2029-03-12', '{1,6,7}', '00:00', '24:00', 1440, 'America/Toronto') as w;
select lives_ok(
    $$select api.take_time_off('2030-03-30 23:30:00+00', '2030-03-30 23:45:00+00')$$,
    'the doctor takes time off at 00:30 on the night when clocks go forward');
select collect_tap(
    is(
        pg_temp.starts(w), '{2030-03-31 01:30:00+00}',
        'a weekly slot is published when the slot that it would overlap was itself skipped'),
    is(pg_temp.skipped(w), '{03-31 00:30 time_off}',
        'only the weekly slot within time off is skipped'))
from api.publish_weekly_slots('2030-03-31', '2030-03-31', '{7}', '00:30', '06:30', 180) as w;
select collect_tap(
    is(
        pg_temp.starts(w), '{2029-03-24 23:30:00+00}',
        'the first of two weekly slots that overlap is published'),
    is(pg_temp.skipped(w), '{03-25 03:30 overlaps}',
        'the second of two weekly slots that overlap is skipped'))
from api.publish_weekly_slots('2029-03-25', '2029-03-25', '{7}', '00:30', '06:30', 180) as w;

-- Hours on a day with a change of clocks. Chicago shows 01:00 to 02:00 twice on 2027-11-07 and
-- skips 02:00 to 03:00 on 2027-03-14.
select collect_tap(
    is(pg_temp.starts(w), v.starts::timestamptz[], v.sentence),
    is(pg_temp.skipped(w), v.skipped::text[], v.sentence || ': each skipped slot has its reason'))
from (values
    ('2027-11-07', '00:00', '02:00', 60,
     '{2027-11-07 05:00+00,2027-11-07 06:00+00,2027-11-07 07:00+00}', '{}',
     'hours that contain a repeated hour are one hour longer'),
    ('2028-11-05', '00:00', '01:30', 30,
     '{2028-11-05 05:00+00,2028-11-05 05:30+00,2028-11-05 06:00+00}', '{}',
     'hours end when clocks show their end for the first time'),
    ('2028-11-05', '01:30', '02:30', 30,
     '{2028-11-05 06:30+00,2028-11-05 07:00+00,2028-11-05 07:30+00,2028-11-05 08:00+00}', '{}',
     'hours begin when clocks show their start for the first time'),
    ('2027-03-14', '00:30', '02:30', 30,
     '{2027-03-14 06:30+00,2027-03-14 07:00+00,2027-03-14 07:30+00}',
     '{03-14 02:00 no_such_local_time}',
     'hours that end within a skipped hour end at the change of clocks'),
    ('2027-03-14', '02:30', '04:00', 30, '{2027-03-14 08:00+00,2027-03-14 08:30+00}',
     '{03-14 02:30 no_such_local_time}',
     'hours that begin within a skipped hour begin at the change of clocks'),
    ('2028-03-12', '02:00', '03:00', 30, '{}',
     '{03-12 02:00 no_such_local_time,03-12 02:30 no_such_local_time}',
     'hours that lie within a skipped hour offer no slot'),
    ('2028-03-12', '00:45', '03:15', 75, '{2028-03-12 06:45+00}',
     '{03-12 02:00 no_such_local_time}',
     'a weekly slot may last past the change of clocks'),
    ('2029-03-11', '00:45', '03:15', 120, '{}', '{03-11 00:45 does_not_fit}',
     'a weekly slot that would last past the end of the hours is not published'),
    ('2029-11-04', '00:30', '02:15', 60, '{2029-11-04 05:30+00,2029-11-04 06:30+00}', '{}',
     'a weekly slot that fits only because of a repeated hour is published')
) as v (on_day, start_time, end_time, minutes, starts, skipped, sentence)
cross join lateral api.publish_weekly_slots(
    v.on_day::date, v.on_day::date, '{7}', v.start_time::time, v.end_time::time, v.minutes,
    'America/Chicago') as w;
select collect_tap(
    is(cardinality(w.items), 25, 'the day with two midnights in Havana has 25 hours'),
    is(w.items[1].starts_at, '2030-11-03 04:00:00+00',
        'the day with two midnights in Havana begins at the first one'),
    is(pg_temp.skipped(w), '{}', 'the day with two midnights in Havana skips no slot'))
from api.publish_weekly_slots(
    '2030-11-03', '2030-11-03', '{7}', '00:00', '24:00', 60, 'America/Havana') as w;
select collect_tap(
    is(cardinality(w.items), 24, 'the day before the two midnights in Havana has 24 hours'),
    is(pg_temp.skipped(w), '{}', 'the day before the two midnights in Havana skips no slot'))
from api.publish_weekly_slots(
    '2030-11-02', '2030-11-02', '{6}', '00:00', '24:00', 60, 'America/Havana') as w;
select collect_tap(
    is(w.items[1].starts_at, '2027-09-05 04:00:00+00',
        'a day without a midnight in Santiago begins at 01:00'),
    is(cardinality(w.items), 23, 'a day without a midnight in Santiago has 23 hours'),
    is(pg_temp.skipped(w), '{09-05 00:00 no_such_local_time}',
        'the slot at the missing midnight in Santiago is reported as no_such_local_time'))
from api.publish_weekly_slots(
    '2027-09-05', '2027-09-05', '{7}', '00:00', '24:00', 60, 'America/Santiago') as w;
select collect_tap(
    is(pg_temp.starts(w), '{}', 'a day that clocks in Samoa skipped has no slots'),
    is(array_agg(distinct s.reason), '{no_such_local_time}',
        'each slot on a day that clocks in Samoa skipped is reported as no_such_local_time'))
from api.publish_weekly_slots(
    '2011-12-30', '2011-12-30', '{5}', '00:00', '24:00', 60, 'Pacific/Apia') as w
cross join unnest(w.skipped) as s
group by w;

-- Hours over midnight
select collect_tap(
    is(
        pg_temp.starts(w), '{2031-01-03 21:30:00+00,2031-01-03 22:30:00+00,2031-01-03 23:30:00+00}',
        'hours from 22:30 to 01:30 continue on the next day'),
    is(pg_temp.skipped(w), '{}', 'hours over midnight skip no slot'))
from api.publish_weekly_slots('2031-01-03', '2031-01-04', '{5}', '22:30', '01:30', 60) as w;
select is(
    pg_temp.starts(w), '{2031-01-10 22:00:00+00,2031-01-10 22:30:00+00}',
    'hours may end at midnight')
from api.publish_weekly_slots('2031-01-10', '2031-01-10', '{5}', '23:00', '00:00', 30) as w;
select is(cardinality(w.items), 5, 'hours over the night of the repeated hour are one hour longer')
from api.publish_weekly_slots('2031-10-25', '2031-10-25', '{6}', '23:00', '03:00', 60) as w;
select collect_tap(
    is(cardinality(w.items), 3, 'hours over the night of the skipped hour are one hour shorter'),
    is(pg_temp.skipped(w), '{03-30 02:00 no_such_local_time}',
        'a slot within the skipped hour of a night is reported as no_such_local_time'))
from api.publish_weekly_slots('2031-03-29', '2031-03-29', '{6}', '23:00', '03:00', 60) as w;

-- The local start of a slot
reset role;
select results_eq(
    $$ select s.starts_at_local, s.time_zone::text from app.availability_slots as s
       where s.starts_at between '2027-11-07 06:00+00' and '2027-11-07 07:00+00'
         and s.time_zone = 'America/Chicago' order by s.starts_at $$,
    $$ values (timestamp '2027-11-07 01:00', 'America/Chicago'),
              (timestamp '2027-11-07 01:00', 'America/Chicago') $$,
    'a weekly slot stores its local start and its time zone');
select is(s.time_zone::text, 'Europe/Berlin',
    'a weekly slot has the doctor''s time zone unless another one is given')
from app.availability_slots as s where s.starts_at = '2031-01-10 22:30:00+00';
set local role telemed_api;

-- Limits: the number of new slots, and the number of starts
select collect_tap(
    is(cardinality(w.items), 4320, '15 days of five-minute slots publish 4320 slots at once'),
    is(cardinality(w.skipped), 0, '15 days of five-minute slots skip nothing'))
from api.publish_weekly_slots(
    '2032-01-05', '2032-01-19', '{1,2,3,4,5,6,7}', '00:00', '24:00', 5, 'UTC') as w;
select is(
    cardinality(w.items), 4896 - 4320,
        'slots that are already published do not count towards the limit of new slots')
from api.publish_weekly_slots(
    '2032-01-05', '2032-01-21', '{1,2,3,4,5,6,7}', '00:00', '24:00', 5, 'UTC') as w;
select is(cardinality(w.items), 1224, 'a weekday that is given seven times counts once')
from api.publish_weekly_slots(
    '2033-01-03', '2033-12-19', '{1,1,1,1,1,1,1}', '08:00', '20:00', 30) as w;

-- Invalid requests
select is(
    pg_temp.refusal('doctor', format(
        'select api.publish_weekly_slots(%L, %L, %L, %L, %L, %L, %L)',
        v.from_day, v.to_day, v.weekdays, v.start_time, v.end_time, v.minutes, v.time_zone)),
    v.refusal, v.sentence)
from (values
    (null, '2027-05-10', '{1}', '09:00', '10:00', 30, null, 'TM202 to',
     'publish_weekly_slots: a null first day is refused'),
    ('2027-05-03', null, '{1}', '09:00', '10:00', 30, null, 'TM202 to',
     'publish_weekly_slots: a null last day is refused'),
    ('2027-05-03', '2027-05-02', '{1}', '09:00', '10:00', 30, null, 'TM202 to',
     'publish_weekly_slots: a last day before the first day is refused'),
    ('2028-01-01', '2029-01-02', '{1}', '09:00', '10:00', 30, null, 'TM202 to',
     'publish_weekly_slots: two days that are 367 days apart are refused'),
    ('2028-01-01', '2029-01-01', '{1}', '09:00', '10:00', 60, null, null,
     'publish_weekly_slots: two days that are 366 days apart are accepted'),
    ('2028-01-01', '2028-12-15', '{6}', '00:00', '08:25', 5, null, 'TM201 to',
     'publish_weekly_slots: more than 5000 new slots are refused'),
    ('2028-01-01', '2028-12-15', '{6}', '00:00', '08:20', 5, null, null,
     'publish_weekly_slots: 5000 new slots are accepted'),
    ('2027-05-03', 'infinity', '{1}', '09:00', '10:00', 30, null, 'TM202 to',
     'publish_weekly_slots: a last day at infinity is refused'),
    ('-infinity', '2027-05-03', '{1}', '09:00', '10:00', 30, null, 'TM202 to',
     'publish_weekly_slots: a first day at -infinity is refused'),
    ('9998-12-31', '9999-01-01', '{1}', '09:00', '10:00', 30, null, 'TM202 to',
     'publish_weekly_slots: a period in the year 9999 is refused'),
    ('2027-05-03', '2027-05-10', null, '09:00', '10:00', 30, null, 'TM201 weekdays',
     'publish_weekly_slots: null weekdays are refused'),
    ('2027-05-03', '2027-05-10', '{}', '09:00', '10:00', 30, null, 'TM201 weekdays',
     'publish_weekly_slots: an empty list of weekdays is refused'),
    ('2027-05-03', '2027-05-10', '{0}', '09:00', '10:00', 30, null, 'TM201 weekdays',
     'publish_weekly_slots: weekday 0 is refused'),
    ('2027-05-03', '2027-05-10', '{1,8}', '09:00', '10:00', 30, null, 'TM201 weekdays',
     'publish_weekly_slots: weekday 8 is refused'),
    ('2027-05-03', '2027-05-10', '{1,null}', '09:00', '10:00', 30, null, 'TM201 weekdays',
     'publish_weekly_slots: a null among the weekdays is refused'),
    ('2027-05-03', '2027-05-10', '{1}', null, '10:00', 30, null, 'TM202 end_time',
     'publish_weekly_slots: a null start time is refused'),
    ('2027-05-03', '2027-05-10', '{1}', '09:00', null, 30, null, 'TM202 end_time',
     'publish_weekly_slots: a null end time is refused'),
    ('2027-05-03', '2027-05-10', '{1}', '10:00', '10:00', 30, null, 'TM202 end_time',
     'publish_weekly_slots: an end time equal to the start time is refused'),
    ('2027-05-03', '2027-05-10', '{1}', '00:00', '00:00', 30, null, 'TM202 end_time',
     'publish_weekly_slots: hours from 00:00 to 00:00 are refused'),
    ('2027-05-03', '2027-05-10', '{1}', '24:00', '08:00', 30, null, 'TM202 start_time',
     'publish_weekly_slots: a start time of 24:00 is refused'),
    ('2027-05-03', '2027-05-10', '{1}', '23:50', '00:10', 30, null, 'TM202 end_time',
     'publish_weekly_slots: hours over midnight that are shorter than a slot are refused'),
    ('2020-01-01', '2020-06-25', '{1,2,3,4,5,6,7}', '00:00', '09:25', 5, null, 'TM201 to',
     'publish_weekly_slots: more than 20000 starts are refused, even if all are in the past'),
    ('2020-01-01', '2020-07-18', '{1,2,3,4,5,6,7}', '00:00', '08:20', 5, null, null,
     'publish_weekly_slots: 20000 starts are accepted'),
    ('2027-05-03', '2027-05-10', '{1}', '09:00', '09:29', 30, null, 'TM202 end_time',
     'publish_weekly_slots: hours one minute shorter than a slot are refused'),
    ('2027-05-03', '2027-05-10', '{1}', '09:00', '09:29:59.999999', 30, null, 'TM202 end_time',
     'publish_weekly_slots: hours one microsecond shorter than a slot are refused'),
    ('2027-05-03', '2027-05-03', '{1}', '09:00', '09:30', 30, null, null,
     'publish_weekly_slots: hours exactly as long as one slot are accepted'),
    ('2027-05-04', '2027-05-04', '{2}', '09:00', '10:00', null, null, 'TM201 slot_minutes',
     'publish_weekly_slots: a null slot length is refused'),
    ('2027-05-04', '2027-05-04', '{2}', '09:00', '10:00', 4, null, 'TM201 slot_minutes',
     'publish_weekly_slots: a slot length of 4 minutes is refused'),
    ('2027-05-04', '2027-05-04', '{2}', '00:00', '24:00', 1441, null, 'TM201 slot_minutes',
     'publish_weekly_slots: a slot length of 1441 minutes is refused'),
    ('2027-05-04', '2027-05-04', '{2}', '09:00', '10:00', 30, 'Mars/Olympus', 'TM204 time_zone',
     'publish_weekly_slots: an unknown time zone is refused'),
    ('2027-05-04', '2027-05-04', '{2}', '09:00', '10:00', 30, 'CET+1', 'TM204 time_zone',
     'publish_weekly_slots: an offset is refused as a time zone'),
    ('2027-05-04', '2027-05-04', '{2}', '09:00', '10:00', 30, 'EST5EDT4', 'TM204 time_zone',
     'publish_weekly_slots: a POSIX rule is refused as a time zone'),
    ('2027-05-04', '2027-05-04', '{2}', '09:00', '10:00', 30, 'CEST', 'TM204 time_zone',
     'publish_weekly_slots: an abbreviation is refused as a time zone'),
    ('2027-05-04', '2027-05-04', '{2}', '09:00', '10:00', 30, '', 'TM204 time_zone',
     'publish_weekly_slots: an empty time zone is refused')
) as v (from_day, to_day, weekdays, start_time, end_time, minutes, time_zone, refusal, sentence);

-- 52 Mondays with 98 slots each; on the first day 95 of them have begun
select is(
    pg_temp.refusal(
        'other_doctor',
        $$select api.publish_weekly_slots(
              '2027-01-04', '2027-12-27', '{1}', '00:10', '08:20', 5, 'UTC')$$),
    'TM201 to', 'publish_weekly_slots: 5001 new slots are refused');

-- Callers that are refused
select is(
    pg_temp.refusal(
        v.actor,
        $$select api.publish_weekly_slots(
              '2027-05-04', '2027-05-04', '{2}', '09:00', '10:00', 30)$$),
    v.refusal, v.sentence)
from (values
    ('patient', 'TM301', 'a patient cannot publish weekly slots'),
    ('admin', 'TM301', 'an admin cannot publish weekly slots'),
    ('nobody', 'TM101', 'an unauthenticated caller cannot publish weekly slots')
) as v (actor, refusal, sentence);

-- Under an idempotency key
reset role;
select pg_temp.honours_key('publish_weekly_slots', 'doctor',
    $$ '2027-06-07', '2027-06-13', '{1,2}', '09:00', '10:00', 30, null $$,
    $$ '2027-06-07', '2027-06-13', '{1,2}', '09:00', '11:00', 30, null $$);

select * from finish();
rollback;
