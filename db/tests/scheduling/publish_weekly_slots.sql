begin;
\ir ../helpers/actors.psql
select plan(129);

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
        pg_temp.starts(w),
        '{2027-10-30 23:00:00+00,2027-10-31 00:00:00+00,2027-10-31 01:00:00+00,'
        '2027-10-31 02:00:00+00}',
        'the hour that comes twice is offered twice'),
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
        'where they go back by half an hour slots never overlap either'),
    is(pg_temp.skipped(w), '{04-04 01:30 overlaps}', 'the second 01:30 would'),
    is((w.skipped[1]).starts_at, '2027-04-03 15:00:00+00', 'and is told from the first one'))
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
select pg_temp.sign_in('doctor');
select collect_tap(
    is(
        pg_temp.starts(w), '{2029-03-10 05:00:00+00,2029-03-12 04:00:00+00}',
        'the day of 23 hours has no room for a slot from midnight to midnight'),
    is(
        pg_temp.skipped(w), '{03-11 00:00 does_not_fit}',
        'which is in nobody''s way: the day after it is published'))
from api.publish_weekly_slots(
    '2029-03-10', '2029-03-12', '{1,6,7}', '00:00', '24:00', 1440, 'America/Toronto') as w;
select lives_ok(
    $$select api.take_time_off('2030-03-30 23:30:00+00', '2030-03-30 23:45:00+00')$$,
    'the doctor is away when clocks go forward, at 00:30');
select collect_tap(
    is(
        pg_temp.starts(w), '{2030-03-31 01:30:00+00}',
        'a slot is only kept out by one that is really there'),
    is(pg_temp.skipped(w), '{03-31 00:30 time_off}', 'and not by one that fell to time off'))
from api.publish_weekly_slots('2030-03-31', '2030-03-31', '{7}', '00:30', '06:30', 180) as w;
select collect_tap(
    is(
        pg_temp.starts(w), '{2029-03-24 23:30:00+00}',
        'without time off the first of the two is published'),
    is(pg_temp.skipped(w), '{03-25 03:30 overlaps}', 'and the second overlaps it'))
from api.publish_weekly_slots('2029-03-25', '2029-03-25', '{7}', '00:30', '06:30', 180) as w;

-- Where hours begin and end on such a day. Chicago shows 01:00 to 02:00 twice on 2027-11-07 and
-- leaves out 02:00 to 03:00 on 2027-03-14.
select collect_tap(
    is(pg_temp.starts(w), v.starts::timestamptz[], v.sentence),
    is(pg_temp.skipped(w), v.skipped::text[], v.sentence || ', and the rest says why'))
from (values
    ('2027-11-07', '00:00', '02:00', 60,
     '{2027-11-07 05:00+00,2027-11-07 06:00+00,2027-11-07 07:00+00}', '{}',
     'hours over a repeated hour are an hour longer'),
    ('2028-11-05', '00:00', '01:30', 30,
     '{2028-11-05 05:00+00,2028-11-05 05:30+00,2028-11-05 06:00+00}', '{}',
     'hours end when clocks show their end for the first time'),
    ('2028-11-05', '01:30', '02:30', 30,
     '{2028-11-05 06:30+00,2028-11-05 07:00+00,2028-11-05 07:30+00,2028-11-05 08:00+00}', '{}',
     'hours begin when clocks show their start for the first time, right where others end'),
    ('2027-03-14', '00:30', '02:30', 30,
     '{2027-03-14 06:30+00,2027-03-14 07:00+00,2027-03-14 07:30+00}',
     '{03-14 02:00 no_such_local_time}',
     'hours that end in the hour left out end with the change'),
    ('2027-03-14', '02:30', '04:00', 30, '{2027-03-14 08:00+00,2027-03-14 08:30+00}',
     '{03-14 02:30 no_such_local_time}',
     'hours that begin in it begin with the change'),
    ('2028-03-12', '02:00', '03:00', 30, '{}',
     '{03-12 02:00 no_such_local_time,03-12 02:30 no_such_local_time}',
     'hours that lie in it are not there'),
    ('2028-03-12', '00:45', '03:15', 75, '{2028-03-12 06:45+00}',
     '{03-12 02:00 no_such_local_time}',
     'a slot may last until after the change'),
    ('2029-03-11', '00:45', '03:15', 120, '{}', '{03-11 00:45 does_not_fit}',
     'one that would last until after the end of the hours is not made'),
    ('2029-11-04', '00:30', '02:15', 60, '{2029-11-04 05:30+00,2029-11-04 06:30+00}', '{}',
     'one that has room only because of the repeated hour is')
) as v (on_day, start_time, end_time, minutes, starts, skipped, sentence)
cross join lateral api.publish_weekly_slots(
    v.on_day::date, v.on_day::date, '{7}', v.start_time::time, v.end_time::time, v.minutes,
    'America/Chicago') as w;
select collect_tap(
    is(cardinality(w.items), 25, 'the day on which midnight comes twice has 25 hours in Havana'),
    is(w.items[1].starts_at, '2030-11-03 04:00:00+00', 'and begins with the first one'),
    is(pg_temp.skipped(w), '{}', 'and nothing is skipped'))
from api.publish_weekly_slots(
    '2030-11-03', '2030-11-03', '{7}', '00:00', '24:00', 60, 'America/Havana') as w;
select collect_tap(
    is(cardinality(w.items), 24, 'the day before it has 24 and ends where it begins'),
    is(pg_temp.skipped(w), '{}', 'and nothing is skipped'))
from api.publish_weekly_slots(
    '2030-11-02', '2030-11-02', '{6}', '00:00', '24:00', 60, 'America/Havana') as w;
select collect_tap(
    is(w.items[1].starts_at, '2027-09-05 04:00:00+00', 'a day without a midnight begins at 01:00'),
    is(cardinality(w.items), 23, 'and has 23 hours'),
    is(pg_temp.skipped(w), '{09-05 00:00 no_such_local_time}', 'midnight is skipped'))
from api.publish_weekly_slots(
    '2027-09-05', '2027-09-05', '{7}', '00:00', '24:00', 60, 'America/Santiago') as w;
select collect_tap(
    is(pg_temp.starts(w), '{}', 'a day that is left out has no slots'),
    is(array_agg(distinct s.reason), '{no_such_local_time}', 'because it has no time at all'))
from api.publish_weekly_slots(
    '2011-12-30', '2011-12-30', '{5}', '00:00', '24:00', 60, 'Pacific/Apia') as w
cross join unnest(w.skipped) as s
group by w;

-- Hours over midnight
select collect_tap(
    is(
        pg_temp.starts(w), '{2031-01-03 21:30:00+00,2031-01-03 22:30:00+00,2031-01-03 23:30:00+00}',
        'hours from 22:30 to 01:30 go on to the next day'),
    is(pg_temp.skipped(w), '{}', 'and begin on the day that was asked for'))
from api.publish_weekly_slots('2031-01-03', '2031-01-04', '{5}', '22:30', '01:30', 60) as w;
select is(
    pg_temp.starts(w), '{2031-01-10 22:00:00+00,2031-01-10 22:30:00+00}',
    'they may end at midnight')
from api.publish_weekly_slots('2031-01-10', '2031-01-10', '{5}', '23:00', '00:00', 30) as w;
select is(cardinality(w.items), 5, 'over the night of the repeated hour they are longer')
from api.publish_weekly_slots('2031-10-25', '2031-10-25', '{6}', '23:00', '03:00', 60) as w;
select collect_tap(
    is(cardinality(w.items), 3, 'over the night of the hour left out they are shorter'),
    is(pg_temp.skipped(w), '{03-30 02:00 no_such_local_time}', 'and say so'))
from api.publish_weekly_slots('2031-03-29', '2031-03-29', '{6}', '23:00', '03:00', 60) as w;

-- The clock that a slot was meant for
reset role;
select results_eq(
    $$ select s.starts_at_local, s.time_zone::text from app.availability_slots as s
       where s.starts_at between '2027-11-07 06:00+00' and '2027-11-07 07:00+00'
         and s.time_zone = 'America/Chicago' order by s.starts_at $$,
    $$ values (timestamp '2027-11-07 01:00', 'America/Chicago'),
              (timestamp '2027-11-07 01:00', 'America/Chicago') $$,
    'a slot remembers what the clock was to show, and where');
select is(s.time_zone::text, 'Europe/Berlin', 'which is the doctor''s own zone unless another is asked for')
from app.availability_slots as s where s.starts_at = '2031-01-10 22:30:00+00';
set local role telemed_api;

-- Which limits there are: on what is made, and on what is looked at
select collect_tap(
    is(cardinality(w.items), 4320, '15 days of five-minute slots are 4320'),
    is(cardinality(w.skipped), 0, 'and nothing is skipped'))
from api.publish_weekly_slots(
    '2032-01-05', '2032-01-19', '{1,2,3,4,5,6,7}', '00:00', '24:00', 5, 'UTC') as w;
select is(
    cardinality(w.items), 4896 - 4320, 'what is published already does not count as made')
from api.publish_weekly_slots(
    '2032-01-05', '2032-01-21', '{1,2,3,4,5,6,7}', '00:00', '24:00', 5, 'UTC') as w;
select is(cardinality(w.items), 1224, 'a weekday that is named seven times counts once')
from api.publish_weekly_slots(
    '2033-01-03', '2033-12-19', '{1,1,1,1,1,1,1}', '08:00', '20:00', 30) as w;

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
    ('2027-05-03', '2027-05-10', '{1}', '10:00', '10:00', 30, null, 'TM202 end_time',
     'hours that end when they begin are none, nor a whole day'),
    ('2027-05-03', '2027-05-10', '{1}', '00:00', '00:00', 30, null, 'TM202 end_time',
     'not even from midnight to midnight'),
    ('2027-05-03', '2027-05-10', '{1}', '24:00', '08:00', 30, null, 'TM202 start_time',
     'the end of a day is not a start'),
    ('2027-05-03', '2027-05-10', '{1}', '23:50', '00:10', 30, null, 'TM202 end_time',
     'one slot must fit over midnight, too'),
    ('2020-01-01', '2020-06-25', '{1,2,3,4,5,6,7}', '00:00', '09:25', 5, null, 'TM201 to',
     'more than 20000 starts are not even looked at, published or not'),
    ('2020-01-01', '2020-07-18', '{1,2,3,4,5,6,7}', '00:00', '08:20', 5, null, null,
     '20000 are'),
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

-- 52 Mondays of 98 slots, of which 95 are over on the first day
select is(
    pg_temp.refusal(
        'other_doctor',
        $$select api.publish_weekly_slots(
              '2027-01-04', '2027-12-27', '{1}', '00:10', '08:20', 5, 'UTC')$$),
    'TM201 to', '5001 slots are one too many');

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
