begin;
\ir ../helpers/actors.psql
select plan(38);
reset role;

select is(app.instant_of(v.local_time, v.time_zone), v.instant, v.sentence)
from (values
    ('2027-01-15 09:00'::timestamp, 'Europe/Berlin', '2027-01-15 08:00+00'::timestamptz,
     '09:00 in Berlin in winter'),
    ('2027-07-15 09:00', 'Europe/Berlin', '2027-07-15 07:00+00', '09:00 in Berlin in summer'),
    ('2027-07-15 09:00', 'America/New_York', '2027-07-15 13:00+00', '09:00 in New York in summer'),
    ('2027-07-15 09:00', 'Asia/Kathmandu', '2027-07-15 03:15+00', '09:00 in Kathmandu'),
    ('2027-06-01 00:00', 'Pacific/Kiritimati', '2027-05-31 10:00+00',
     'midnight where the day is first'),
    ('2027-06-01 23:59', 'Pacific/Pago_Pago', '2027-06-02 10:59+00',
     'midnight where the day is last'),
    -- Forward
    ('2027-03-28 01:59:59.999999', 'Europe/Berlin', '2027-03-28 00:59:59.999999+00',
     'the last moment before clocks in Berlin go forward'),
    ('2027-03-28 02:00', 'Europe/Berlin', '2027-03-28 01:00+00',
     'the first moment of the hour that is left out is the change'),
    ('2027-03-28 02:30', 'Europe/Berlin', '2027-03-28 01:00+00', 'so is its middle'),
    ('2027-03-28 02:59:59.999999', 'Europe/Berlin', '2027-03-28 01:00+00', 'and its last moment'),
    ('2027-03-28 03:00', 'Europe/Berlin', '2027-03-28 01:00+00', 'the first moment after it'),
    ('2027-03-14 02:30', 'America/New_York', '2027-03-14 07:00+00',
     'New York leaves an hour out, too'),
    ('2027-10-03 02:15', 'Australia/Lord_Howe', '2027-10-02 15:30+00',
     'Lord Howe leaves out half an hour'),
    ('2027-10-03 02:30', 'Australia/Lord_Howe', '2027-10-02 15:30+00', 'and no more'),
    ('2027-03-28 02:30', 'Antarctica/Troll', '2027-03-28 01:00+00', 'Troll leaves out two hours'),
    ('2011-12-30 12:00', 'Pacific/Apia', '2011-12-30 10:00+00', 'Samoa left out a whole day'),
    ('2028-03-12 00:00', 'America/Havana', '2028-03-12 05:00+00',
     'Havana leaves out the hour from midnight on'),
    ('2027-09-05 00:00', 'America/Santiago', '2027-09-05 04:00+00', 'so does Santiago'),
    -- Back
    ('2027-10-31 01:59', 'Europe/Berlin', '2027-10-30 23:59+00',
     'the minute before the repeated hour'),
    ('2027-10-31 02:00', 'Europe/Berlin', '2027-10-31 00:00+00',
     'of a repeated hour the first counts'),
    ('2027-10-31 02:59', 'Europe/Berlin', '2027-10-31 00:59+00', 'to its last minute'),
    ('2027-10-31 03:00', 'Europe/Berlin', '2027-10-31 02:00+00', 'the minute after both'),
    ('2027-11-07 01:30', 'America/New_York', '2027-11-07 05:30+00',
     'New York repeats an hour, too'),
    ('2027-04-04 01:45', 'Australia/Lord_Howe', '2027-04-03 14:45+00',
     'Lord Howe repeats half an hour'),
    ('2027-10-31 01:30', 'Antarctica/Troll', '2027-10-30 23:30+00', 'Troll repeats two hours'),
    ('2027-11-07 00:00', 'America/Havana', '2027-11-07 04:00+00', 'Havana has midnight twice'),
    ('2027-04-03 23:30', 'America/Santiago', '2027-04-04 02:30+00',
     'Santiago has the last hour of Saturday twice')
) as v (local_time, time_zone, instant, sentence);

-- The other way round: every quarter of an hour around a change of clocks, read from a clock
select is_empty(
    format(
        $$select c.local_time
          from (
              select i at time zone %1$L as local_time, min(i) as instant
              from generate_series(
                  timestamptz %2$L - interval '20 hours', timestamptz %2$L + interval '20 hours',
                  interval '15 minutes') as i
              group by 1
          ) as c
          where c.instant > timestamptz %2$L - interval '16 hours'
            and app.instant_of(c.local_time, %1$L) is distinct from c.instant$$, v.zone, v.change),
    'what clocks show around ' || v.change || ' in ' || v.zone || ' is found again')
from (values
    ('Europe/Berlin', '2027-03-28 01:00+00'), ('Europe/Berlin', '2027-10-31 01:00+00'),
    ('America/New_York', '2027-03-14 07:00+00'), ('America/New_York', '2027-11-07 06:00+00'),
    ('Australia/Lord_Howe', '2027-04-03 15:00+00'), ('Australia/Lord_Howe', '2027-10-02 15:30+00'),
    ('Antarctica/Troll', '2027-03-28 01:00+00'), ('Antarctica/Troll', '2027-10-31 01:00+00'),
    ('Pacific/Apia', '2011-12-30 10:00+00')
) as v (zone, change);

select is(app.instant_of(null, 'Europe/Berlin'), null, 'no local time has no instant');
select is(app.instant_of('2027-01-15 09:00', null), null, 'no time zone has none either');

select * from finish();
rollback;
