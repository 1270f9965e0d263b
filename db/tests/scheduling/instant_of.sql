begin;
\ir ../helpers/actors.psql
select plan(38);
reset role;

select is(app.instant_of(v.local_time, v.time_zone), v.instant, v.sentence)
from (values
    ('2027-01-15 09:00'::timestamp, 'Europe/Berlin', '2027-01-15 08:00+00'::timestamptz,
     '09:00 in Berlin in winter is 08:00 UTC'),
    ('2027-07-15 09:00', 'Europe/Berlin', '2027-07-15 07:00+00',
     '09:00 in Berlin in summer is 07:00 UTC'),
    ('2027-07-15 09:00', 'America/New_York', '2027-07-15 13:00+00',
     '09:00 in New York in summer is 13:00 UTC'),
    ('2027-07-15 09:00', 'Asia/Kathmandu', '2027-07-15 03:15+00',
     '09:00 in Kathmandu is 03:15 UTC'),
    ('2027-06-01 00:00', 'Pacific/Kiritimati', '2027-05-31 10:00+00',
     'midnight in Kiritimati is 10:00 UTC of the day before'),
    ('2027-06-01 23:59', 'Pacific/Pago_Pago', '2027-06-02 10:59+00',
     '23:59 in Pago Pago is 10:59 UTC of the day after'),
    -- Forward
    ('2027-03-28 01:59:59.999999', 'Europe/Berlin', '2027-03-28 00:59:59.999999+00',
     'the last microsecond before the skipped hour in Berlin has the offset of winter'),
    ('2027-03-28 02:00', 'Europe/Berlin', '2027-03-28 01:00+00',
     'the start of the hour that clocks in Berlin skip is the instant of the change'),
    ('2027-03-28 02:30', 'Europe/Berlin', '2027-03-28 01:00+00',
     'the middle of the hour that clocks in Berlin skip is the instant of the change'),
    ('2027-03-28 02:59:59.999999', 'Europe/Berlin', '2027-03-28 01:00+00',
     'the last microsecond of the hour that clocks in Berlin skip is the instant of the change'),
    ('2027-03-28 03:00', 'Europe/Berlin', '2027-03-28 01:00+00',
     'the end of the hour that clocks in Berlin skip is the instant of the change'),
    ('2027-03-14 02:30', 'America/New_York', '2027-03-14 07:00+00',
     'a time within the hour that clocks in New York skip is the instant of the change'),
    ('2027-10-03 02:15', 'Australia/Lord_Howe', '2027-10-02 15:30+00',
     'a time within the half hour that clocks on Lord Howe skip is the instant of the change'),
    ('2027-10-03 02:30', 'Australia/Lord_Howe', '2027-10-02 15:30+00',
     'the end of the half hour that clocks on Lord Howe skip is the instant of the change'),
    ('2027-03-28 02:30', 'Antarctica/Troll', '2027-03-28 01:00+00',
     'a time within the two hours that clocks at Troll skip is the instant of the change'),
    ('2011-12-30 12:00', 'Pacific/Apia', '2011-12-30 10:00+00',
     'a time on the day that clocks in Samoa skipped is the instant of the change'),
    ('2028-03-12 00:00', 'America/Havana', '2028-03-12 05:00+00',
     'midnight is the instant of the change when clocks in Havana skip it'),
    ('2027-09-05 00:00', 'America/Santiago', '2027-09-05 04:00+00',
     'midnight is the instant of the change when clocks in Santiago skip it'),
    -- Back
    ('2027-10-31 01:59', 'Europe/Berlin', '2027-10-30 23:59+00',
     'the minute before the repeated hour in Berlin has the offset of summer'),
    ('2027-10-31 02:00', 'Europe/Berlin', '2027-10-31 00:00+00',
     'the start of the repeated hour in Berlin is its first occurrence'),
    ('2027-10-31 02:59', 'Europe/Berlin', '2027-10-31 00:59+00',
     'the last minute of the repeated hour in Berlin is its first occurrence'),
    ('2027-10-31 03:00', 'Europe/Berlin', '2027-10-31 02:00+00',
     'the minute after the repeated hour in Berlin has the offset of winter'),
    ('2027-11-07 01:30', 'America/New_York', '2027-11-07 05:30+00',
     'a time within the repeated hour in New York is its first occurrence'),
    ('2027-04-04 01:45', 'Australia/Lord_Howe', '2027-04-03 14:45+00',
     'a time within the repeated half hour on Lord Howe is its first occurrence'),
    ('2027-10-31 01:30', 'Antarctica/Troll', '2027-10-30 23:30+00',
     'a time within the two repeated hours at Troll is its first occurrence'),
    ('2027-11-07 00:00', 'America/Havana', '2027-11-07 04:00+00',
     'a repeated midnight in Havana is its first occurrence'),
    ('2027-04-03 23:30', 'America/Santiago', '2027-04-04 02:30+00',
     'a time within the repeated last hour of Saturday in Santiago is its first occurrence')
) as v (local_time, time_zone, instant, sentence);

-- The inverse: every quarter of an hour around a change of clocks, read from a clock
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
    'instant_of finds the first instant of each clock time around ' || v.change || ' in ' || v.zone)
from (values
    ('Europe/Berlin', '2027-03-28 01:00+00'), ('Europe/Berlin', '2027-10-31 01:00+00'),
    ('America/New_York', '2027-03-14 07:00+00'), ('America/New_York', '2027-11-07 06:00+00'),
    ('Australia/Lord_Howe', '2027-04-03 15:00+00'), ('Australia/Lord_Howe', '2027-10-02 15:30+00'),
    ('Antarctica/Troll', '2027-03-28 01:00+00'), ('Antarctica/Troll', '2027-10-31 01:00+00'),
    ('Pacific/Apia', '2011-12-30 10:00+00')
) as v (zone, change);

select is(app.instant_of(null, 'Europe/Berlin'), null,
    'instant_of returns null for a null local time');
select is(app.instant_of('2027-01-15 09:00', null), null,
    'instant_of returns null for a null time zone');

select * from finish();
rollback;
