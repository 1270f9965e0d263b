begin;
\ir ../helpers/actors.psql
select plan(78);

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
    is(:'skipped'::text, '{}', 'and nothing is skipped'),
    is(array_agg(distinct i.doctor_id), array[pg_temp.id_of('doctor')],
        'the slots are the caller''s'),
    is(min(i.starts_at), '2027-01-11 08:00:00+00', 'the first begins at 09:00 in Berlin'),
    is(min(i.ends_at), '2027-01-11 08:30:00+00', 'it lasts as long as was asked for'),
    is(array_agg(distinct i.status), '{open}', 'all are open'),
    is(
        max(i.ends_at), '2027-01-20 09:30:00+00',
        'the last day is included, and the last slot ends with the hours'))
from unnest(:'items'::api.availability_slots[]) as i;
select is(array_agg(s.id),
    (select array_agg(i.id) from unnest(:'items'::api.availability_slots[]) as i),
    'patients find exactly these slots, in this order')
from api.list_open_slots(pg_temp.id_of('doctor')) as s;

-- The same hours again
select p.items[1] as first_slot, p.items[2] as second_slot
from (
    select array_agg(i.id order by i.starts_at) as items
    from unnest(:'items'::api.availability_slots[]) as i
) as p \gset
select lives_ok(format('select api.withdraw_slot(%L)', :'first_slot'), 'one slot is withdrawn');
select pg_temp.booking('patient', :'second_slot') as booking \gset
select pg_temp.sign_in('doctor');
select collect_tap(
    is(
        pg_temp.starts(w), '{2027-01-11 08:00:00+00}',
        'asking again adds only what is missing: the slot that was withdrawn'),
    isnt((w.items[1]).id, :'first_slot', 'as a new slot'),
    is(cardinality(w.skipped), 11, 'and says what it skipped'),
    is(
        (pg_temp.skipped(w))[1], '01-11 09:30 already_published',
        'in the time of the zone, with the reason, booked slots included'))
from api.publish_weekly_slots('2027-01-11', '2027-01-20', '{1,3}', '09:00', '10:30', 30) as w;
select is(
    pg_temp.starts(w), '{2027-01-25 08:00:00+00,2027-01-25 08:30:00+00,2027-01-25 09:00:00+00}',
    'asking for longer adds what comes later')
from api.publish_weekly_slots('2027-01-11', '2027-01-25', '{1,3}', '09:00', '10:30', 30) as w;

-- Which days and how many slots
select is(pg_temp.starts(w), '{2027-02-07 08:00:00+00}', 'day 7 is Sunday')
from api.publish_weekly_slots('2027-02-01', '2027-02-07', '{7}', '09:00', '10:00', 60) as w;
select is(pg_temp.starts(w), '{2027-02-06 08:00:00+00}', 'a day that is named twice counts once')
from api.publish_weekly_slots('2027-02-01', '2027-02-07', '{6,6}', '09:00', '10:00', 60) as w;
select is(
    pg_temp.starts(w), '{2027-02-05 08:00:00+00,2027-02-05 08:30:00+00}',
    'what is left of the hours after the last whole slot stays free')
from api.publish_weekly_slots('2027-02-05', '2027-02-05', '{5}', '09:00', '10:29', 30) as w;
select is(
    cardinality(w.items) + cardinality(w.skipped), 0,
    'where no such day lies between, nothing is published')
from api.publish_weekly_slots('2027-02-01', '2027-02-02', '{5}', '09:00', '10:00', 30) as w;
select is(
    pg_temp.starts(w), '{2027-02-02 23:00:00+00}', 'a slot may last from midnight to midnight')
from api.publish_weekly_slots('2027-02-03', '2027-02-03', '{3}', '00:00', '24:00', 1440) as w;
select is(cardinality(w.items), 12, 'a slot may last five minutes')
from api.publish_weekly_slots('2027-02-02', '2027-02-02', '{2}', '09:00', '10:00', 5) as w;

-- What stands in the way
select lives_ok(
    $$select api.publish_slot('2027-02-08 08:15:00+00', '2027-02-08 08:45:00+00')$$,
    'a single slot is published from 09:15 to 09:45');
select collect_tap(
    is(pg_temp.starts(w), '{2027-02-08 09:00:00+00}', 'slots beside a single one are published'),
    is(pg_temp.skipped(w), '{02-08 09:00 overlaps,02-08 09:30 overlaps}',
        'those that overlap it are not'))
from api.publish_weekly_slots('2027-02-08', '2027-02-08', '{1}', '09:00', '10:30', 30) as w;
select is(
    pg_temp.skipped(w), '{02-08 10:00 overlaps}',
    'a slot with the start of another one but a different length overlaps it')
from api.publish_weekly_slots('2027-02-08', '2027-02-08', '{1}', '10:00', '11:00', 60) as w;
select collect_tap(
    is(pg_temp.starts(w), '{2027-01-04 09:00:00+00}',
        'of today''s slots those to come are published'),
    is(
        pg_temp.skipped(w), '{01-04 08:00 in_the_past,01-04 09:00 in_the_past}',
        'those that have begun are not, nor the one that begins this very moment'))
from api.publish_weekly_slots('2027-01-04', '2027-01-04', '{1}', '08:00', '11:00', 60) as w;
select lives_ok(
    $$select api.take_time_off('2027-02-15 08:30:00+00', '2027-02-15 10:00:00+00')$$,
    'the doctor is away from 09:30 to 11:00');
select collect_tap(
    is(
        pg_temp.starts(w), '{2027-02-15 07:00:00+00,2027-02-15 10:00:00+00}',
        'slots around time off are published'),
    is(
        pg_temp.skipped(w), '{02-15 09:00 time_off,02-15 10:00 time_off}',
        'those that lie in it, even in part, are not'))
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
        'around the hour that is left out slots follow each other'),
    is(pg_temp.skipped(w), '{03-28 02:00 no_such_local_time}', 'the slot in that hour is skipped'))
from api.publish_weekly_slots('2027-03-28', '2027-03-28', '{7}', '01:00', '04:00', 60) as w;
select collect_tap(
    is(
        pg_temp.starts(w), '{2027-10-30 23:00:00+00,2027-10-31 00:00:00+00,2027-10-31 02:00:00+00}',
        'of the hour that comes twice the first is taken'),
    is(pg_temp.skipped(w), '{}', 'and nothing is skipped'))
from api.publish_weekly_slots('2027-10-31', '2027-10-31', '{7}', '01:00', '04:00', 60) as w;

select pg_temp.sign_in('other_doctor');
select is(
    pg_temp.starts(w), '{2027-03-08 14:00:00+00,2027-03-15 13:00:00+00}',
    'hours may be those of another zone: New York in March')
from api.publish_weekly_slots(
    '2027-03-08', '2027-03-15', '{1}', '09:00', '10:00', 60, 'America/New_York') as w;
select is(
    pg_temp.starts(w), '{2027-11-01 13:00:00+00,2027-11-08 14:00:00+00}',
    'and in November, a week after Berlin')
from api.publish_weekly_slots(
    '2027-11-01', '2027-11-08', '{1}', '09:00', '10:00', 60, 'America/New_York') as w;
select collect_tap(
    is(
        pg_temp.starts(w), '{2027-10-02 15:00:00+00,2027-10-02 16:30:00+00}',
        'on Lord Howe, where clocks go forward by half an hour, slots never overlap'),
    is(pg_temp.skipped(w), '{10-03 02:30 overlaps}', 'the one that would is skipped'))
from api.publish_weekly_slots(
    '2027-10-03', '2027-10-03', '{7}', '01:30', '04:30', 60, 'Australia/Lord_Howe') as w;
select collect_tap(
    is(
        pg_temp.starts(w), '{2027-04-03 13:30:00+00,2027-04-03 14:30:00+00,2027-04-03 16:00:00+00}',
        'where they go back by half an hour the first 01:30 is taken'),
    is(pg_temp.skipped(w), '{}', 'and nothing is skipped'))
from api.publish_weekly_slots(
    '2027-04-04', '2027-04-04', '{7}', '00:30', '03:30', 60, 'Australia/Lord_Howe') as w;
select collect_tap(
    is(
        pg_temp.starts(w), '{2027-03-28 00:00:00+00,2027-03-28 01:00:00+00,2027-03-28 02:00:00+00}',
        'at Troll, where clocks go forward by two hours, slots follow each other'),
    is(
        pg_temp.skipped(w), '{03-28 01:00 no_such_local_time,03-28 02:00 no_such_local_time}',
        'and two are skipped'))
from api.publish_weekly_slots(
    '2027-03-28', '2027-03-28', '{7}', '00:00', '05:00', 60, 'Antarctica/Troll') as w;
select collect_tap(
    is(
        pg_temp.starts(w), '{2027-03-13 05:00:00+00,2027-03-14 05:00:00+00,2027-03-16 04:00:00+00}',
        'a slot from midnight to midnight begins on the day of 23 hours, too'),
    is(
        (w.items[2]).ends_at, '2027-03-15 05:00:00+00',
        'where it lasts 24 hours and so ends an hour late on the clock'),
    is(pg_temp.skipped(w), '{03-15 00:00 overlaps}', 'which keeps the day after it free'))
from api.publish_weekly_slots(
    '2027-03-13', '2027-03-16', '{1,2,6,7}', '00:00', '24:00', 1440, 'America/Toronto') as w;

-- What cannot be right
select is(
    pg_temp.refusal('doctor', format(
        'select api.publish_weekly_slots(%L, %L, %L, %L, %L, %L, %L)',
        v.from_day, v.to_day, v.weekdays, v.start_time, v.end_time, v.minutes, v.time_zone)),
    v.refusal, v.sentence)
from (values
    (null, '2027-05-10', '{1}', '09:00', '10:00', 30, null, 'TM202 to', 'hours need a first day'),
    ('2027-05-03', null, '{1}', '09:00', '10:00', 30, null, 'TM202 to', 'hours need a last day'),
    ('2027-05-03', '2027-05-02', '{1}', '09:00', '10:00', 30, null, 'TM202 to',
     'the first day comes first'),
    ('2028-01-01', '2029-01-02', '{1}', '09:00', '10:00', 30, null, 'TM202 to',
     '367 days are too long'),
    ('2028-01-01', '2029-01-01', '{1}', '09:00', '10:00', 60, null, null, '366 days are not'),
    ('2028-01-01', '2028-12-15', '{6}', '00:00', '08:25', 5, null, 'TM201 to',
     'more than 5000 slots at once are too many'),
    ('2028-01-01', '2028-12-15', '{6}', '00:00', '08:20', 5, null, null, '5000 are not'),
    ('2027-05-03', 'infinity', '{1}', '09:00', '10:00', 30, null, '22008', 'nobody works for ever'),
    ('-infinity', '2027-05-03', '{1}', '09:00', '10:00', 30, null, '22008', 'nobody always has'),
    ('10000-01-01', '10000-01-07', '{1}', '09:00', '10:00', 30, null, '23514',
     'there is no year 10000'),
    ('2027-05-03', '2027-05-10', null, '09:00', '10:00', 30, null, 'TM201 weekdays',
     'days are needed'),
    ('2027-05-03', '2027-05-10', '{}', '09:00', '10:00', 30, null, 'TM201 weekdays',
     'at least one'),
    ('2027-05-03', '2027-05-10', '{0}', '09:00', '10:00', 30, null, 'TM201 weekdays',
     'there is no day 0'),
    ('2027-05-03', '2027-05-10', '{1,8}', '09:00', '10:00', 30, null, 'TM201 weekdays',
     'there is no day 8'),
    ('2027-05-03', '2027-05-10', '{1,null}', '09:00', '10:00', 30, null, 'TM201 weekdays',
     'no day is no day'),
    ('2027-05-03', '2027-05-10', '{1}', null, '10:00', 30, null, 'TM202 end_time',
     'hours have a start'),
    ('2027-05-03', '2027-05-10', '{1}', '09:00', null, 30, null, 'TM202 end_time',
     'hours have an end'),
    ('2027-05-03', '2027-05-10', '{1}', '10:00', '09:00', 30, null, 'TM202 end_time',
     'the end comes last'),
    ('2027-05-03', '2027-05-10', '{1}', '09:00', '09:29', 30, null, 'TM202 end_time',
     'one slot must fit'),
    ('2027-05-03', '2027-05-10', '{1}', '09:00', '09:29:59.999999', 30, null, 'TM202 end_time',
     'to its last microsecond'),
    ('2027-05-03', '2027-05-03', '{1}', '09:00', '09:30', 30, null, null,
     'one slot may fit exactly'),
    ('2027-05-04', '2027-05-04', '{2}', '09:00', '10:00', null, null, 'TM201 slot_minutes',
     'slots have a length'),
    ('2027-05-04', '2027-05-04', '{2}', '09:00', '10:00', 4, null, 'TM201 slot_minutes',
     '4 minutes are too short'),
    ('2027-05-04', '2027-05-04', '{2}', '00:00', '24:00', 1441, null, 'TM201 slot_minutes',
     '1441 are too long'),
    ('2027-05-04', '2027-05-04', '{2}', '09:00', '10:00', 30, 'Mars/Olympus', 'TM204 time_zone',
     'Mars has no clocks'),
    ('2027-05-04', '2027-05-04', '{2}', '09:00', '10:00', 30, 'CET+1', 'TM204 time_zone',
     'an offset is not a zone'),
    ('2027-05-04', '2027-05-04', '{2}', '09:00', '10:00', 30, 'EST5EDT4', 'TM204 time_zone',
     'a rule is not a zone'),
    ('2027-05-04', '2027-05-04', '{2}', '09:00', '10:00', 30, 'CEST', 'TM204 time_zone',
     'nor is an abbreviation'),
    ('2027-05-04', '2027-05-04', '{2}', '09:00', '10:00', 30, '', 'TM204 time_zone',
     'nor is nothing')
) as v (from_day, to_day, weekdays, start_time, end_time, minutes, time_zone, refusal, sentence);

-- Who may not
select is(
    pg_temp.refusal(
        v.actor,
        $$select api.publish_weekly_slots(
              '2027-05-04', '2027-05-04', '{2}', '09:00', '10:00', 30)$$),
    v.refusal, v.sentence)
from (values
    ('patient', 'TM301', 'a patient may not publish hours'),
    ('admin', 'TM301', 'an admin may not publish hours'),
    ('nobody', 'TM101', 'nobody publishes without signing in')
) as v (actor, refusal, sentence);

select * from finish();
rollback;
