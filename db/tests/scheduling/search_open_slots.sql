begin;
\ir ../helpers/actors.psql
select plan(83);
reset role;

-- The starts (day and time in UTC) that a patient finds.
create function pg_temp.found(p_arguments text)
returns text language plpgsql
as $$
declare
    v_found text;
begin
    execute format(
        'select string_agg(to_char(s.starts_at at time zone ''UTC'', ''DD HH24:MI''), '', ''
            order by s.ordinality)
        from api.find_open_slots(%s) with ordinality as s', p_arguments)
    into v_found;
    return coalesce(v_found, '');
end;
$$;

update app.doctors set languages = '{en,es}' where user_id = pg_temp.id_of('doctor');
update app.doctors set languages = '{de,en}' where user_id = pg_temp.id_of('other_doctor');
-- Clocks in Berlin are an hour ahead: Tuesday 17:00, 18:00, 19:30 and 20:00, Wednesday 23:30,
-- Thursday 05:30, Saturday 17:30.
select pg_temp.open_slot(v.doctor, v.starts_at) from (values
    ('doctor', timestamptz '2027-01-05 16:00+00'), ('other_doctor', '2027-01-05 17:00+00'),
    ('doctor', '2027-01-05 18:30+00'), ('doctor', '2027-01-05 19:00+00'),
    ('doctor', '2027-01-06 22:30+00'), ('doctor', '2027-01-07 04:30+00'),
    ('doctor', '2027-01-09 16:30+00')) as v (doctor, starts_at) \g /dev/null
set local role telemed_api;
select pg_temp.sign_in('patient');

-- Doctors
select is(pg_temp.found(v.arguments), v.starts, 'search_open_slots: ' || v.sentence)
from (values
    ($$ p_language => 'es' $$,
     '05 16:00, 05 18:30, 05 19:00, 06 22:30, 07 04:30, 09 16:30',
     'a language finds the slots of doctors who speak it'),
    ($$ p_language => 'de' $$, '05 17:00', 'another language finds the slots of others'),
    ($$ p_language => 'en', p_to => '2027-01-05 19:00+00' $$, '05 16:00, 05 17:00, 05 18:30',
     'the slots of several doctors are in the order of time'),
    ($$ p_language => 'fr' $$, '', 'a language that no doctor speaks finds nothing'),
    ($$ p_language => 'es', p_specialty => 'dermatology' $$, '',
     'language and specialty must be those of one doctor'),
    ($$ p_language => 'de', p_specialty => 'Dermatology' $$, '05 17:00',
     'language and specialty can be combined'),
    ($$ p_specialty => 'surgery', p_weekdays => '{2}', p_time_zone => 'UTC' $$, '',
     'a specialty that no doctor has finds nothing')) as v (arguments, starts, sentence);

-- Weekdays and hours
select is(
    pg_temp.found(v.arguments || $$, p_time_zone => 'Europe/Berlin' $$), v.starts,
    'search_open_slots: ' || v.sentence)
from (values
    ($$ p_between => '17:00-20:00' $$, '05 16:00, 05 17:00, 05 18:30, 09 16:30',
     'hours include their begin and exclude their end'),
    ($$ p_between => '17:00-20:00', p_language => 'es' $$, '05 16:00, 05 18:30, 09 16:30',
     'hours and a language can be combined'),
    ($$ p_between => '17:00-20:00', p_specialty => 'CARDIOLOGY' $$,
     '05 16:00, 05 18:30, 09 16:30', 'hours and a specialty can be combined'),
    ($$ p_weekdays => '{6}' $$, '09 16:30', 'a weekday finds its slots'),
    ($$ p_weekdays => '{6}', p_language => 'de' $$, '', 'a weekday and a language can be combined'),
    ($$ p_weekdays => '{4,3,3}' $$, '06 22:30, 07 04:30', 'weekdays may be in any order'),
    ($$ p_weekdays => '{7}' $$, '', 'a weekday without slots finds nothing'),
    ($$ p_weekdays => '{2}', p_between => '17:30-20:30' $$, '05 17:00, 05 18:30, 05 19:00',
     'weekdays and hours can be combined'),
    ($$ p_between => '22:00-06:00' $$, '06 22:30, 07 04:30', 'hours may end on the next day'),
    ($$ p_between => '22:00-06:00', p_weekdays => '{3}' $$, '06 22:30, 07 04:30',
     'hours that end on the next day belong to the weekday on which they begin'),
    ($$ p_between => '22:00-06:00', p_weekdays => '{4}' $$, '',
     'hours that end on a weekday do not belong to it'),
    ($$ p_between => '22:00-06:00', p_from => '2027-01-07 00:00+00' $$, '07 04:30',
     'hours that began on the day before the range are found'),
    ($$ p_between => '00:00-24:00' $$,
     '05 16:00, 05 17:00, 05 18:30, 05 19:00, 06 22:30, 07 04:30, 09 16:30',
     'hours from 00:00 to 24:00 are the whole day'),
    ($$ p_between => '03:00-04:00' $$, '', 'hours without slots find nothing'),
    ($$ p_between => '17:00-20:00', p_from => '2027-01-05 16:00:00.000001+00' $$,
     '05 17:00, 05 18:30, 09 16:30', 'hours can be combined with the start of a range'),
    ($$ p_between => '17:00-20:00', p_to => '2027-01-05 18:30+00' $$, '05 16:00, 05 17:00',
     'hours can be combined with the end of a range'),
    ($$ p_between => '17:00-20:00', p_to => '2027-01-04 09:00+00' $$, '',
     'a range without such hours finds nothing'),
    ($$ p_between => '17:00-20:00', p_from => '2027-01-06 00:00+00',
        p_to => '2027-01-05 00:00+00' $$, '', 'a range that ends before it begins finds nothing'),
    ($$ p_between => '17:00-20:00', p_to => '-infinity' $$, '',
     'a range that ends at -infinity finds nothing'),
    ($$ p_between => '17:00-20:00', p_from => '-infinity' $$,
     '05 16:00, 05 17:00, 05 18:30, 09 16:30', 'a range from -infinity begins now'),
    ($$ p_between => '17:00-20:00', p_from => 'infinity' $$, '',
     'a range from infinity finds nothing'),
    ($$ p_language => 'es', p_limit => 1 $$, '05 16:00',
     'a time zone is accepted without weekdays and hours')) as v (arguments, starts, sentence);
select is(
    pg_temp.found(format($$ p_between => '17:00-20:00', p_time_zone => %L $$, v.zone)), v.starts,
    'search_open_slots: hours are those of clocks in ' || v.zone)
from (values
    ('UTC', '05 17:00, 05 18:30, 05 19:00'),
    ('America/New_York', '06 22:30'),
    ('Asia/Kolkata', ''),
    ('Pacific/Auckland', '07 04:30')) as v (zone, starts);
select is(
    pg_temp.found(
        $$ p_weekdays => '{4}', p_time_zone => 'Pacific/Auckland' $$), '06 22:30, 07 04:30',
    'search_open_slots: weekdays are those of clocks in the time zone');

-- At most 62 days, and slots that have begun
reset role;
select pg_temp.open_slot('doctor', '2027-03-06 16:30+00') as within \gset
select pg_temp.open_slot('doctor', '2027-03-07 16:30+00') as beyond \gset
select pg_temp.open_slot('doctor', '2027-01-04 08:00+00') as begun \gset
set local role telemed_api;
select is(pg_temp.found(v.arguments), v.starts, 'search_open_slots: ' || v.sentence)
from (values
    ($$ p_between => '16:00-17:00', p_time_zone => 'UTC' $$, '05 16:00, 09 16:30, 06 16:30',
     'hours without the end of a range cover 62 days'),
    ($$ p_between => '16:00-17:00', p_time_zone => 'UTC', p_from => '2027-01-10 00:00+00' $$,
     '06 16:30, 07 16:30', 'the 62 days begin with the range'),
    ($$ p_language => 'es', p_from => '2027-01-10 00:00+00' $$, '06 16:30, 07 16:30',
     'a language without weekdays and hours covers all later slots'),
    ($$ p_between => '08:00-09:00', p_time_zone => 'UTC' $$, '',
     'a slot that has begun is not found by hours'),
    ($$ p_language => 'es', p_to => '2027-01-05 00:00+00' $$, '',
     'a slot that has begun is not found by a language')) as v (arguments, starts, sentence);

-- Many doctors, who are searched in another way
select pg_temp.found(
    $$ p_language => 'en', p_between => '17:00-20:00', p_time_zone => 'Europe/Berlin' $$) as few,
    pg_temp.found($$ p_language => 'en', p_weekdays => '{2}', p_time_zone => 'UTC',
        p_specialty => 'cardiology' $$) as few_cardiologists \gset
reset role;
set local session_replication_role = replica;
insert into app.doctors (
    user_id, full_name, specialty, time_zone, fee_minor, currency, specialty_code, languages,
    search_text)
select gen_random_uuid(), 'Dr. Many', 'Cardiology', 'UTC', 0, 'EUR', 'cardiology', '{en}', ''
from generate_series(1, 65);
set local session_replication_role = origin;
set local role telemed_api;
select isnt(:'few'::text, '', 'search_open_slots: few doctors have slots in these hours');
select is(
    pg_temp.found(
        $$ p_language => 'en', p_between => '17:00-20:00', p_time_zone => 'Europe/Berlin' $$),
    :'few', 'search_open_slots: the slots found are the same if many doctors speak the language');
select is(:'few_cardiologists'::text, '05 16:00, 05 18:30, 05 19:00',
    'search_open_slots: few cardiologists have slots on this weekday');
select is(
    pg_temp.found($$ p_language => 'en', p_weekdays => '{2}', p_time_zone => 'UTC',
        p_specialty => 'cardiology' $$),
    :'few_cardiologists',
    'search_open_slots: the slots found are the same if many doctors have the specialty');
select is(pg_temp.found($$ p_language => 'en', p_to => '2027-01-05 18:00+00' $$),
    '05 16:00, 05 17:00', 'search_open_slots: a language of many doctors can be combined with a range');

-- Pages
select is(
    pg_temp.all_pages(format(
        'api.find_open_slots(p_between => ''17:00-20:00'', p_time_zone => ''Europe/Berlin'','
        '%s p_limit => %s, p_cursor => %%L)', v.filter, n)),
    array(
        select s.id::text from api.find_open_slots(p_limit => 1000) as s
        where to_char(s.starts_at at time zone 'Europe/Berlin', 'HH24') in ('17', '18', '19')
          and s.starts_at < '2027-02-01'
          and (v.filter = '' or s.specialty = 'Dermatology' or s.doctor_id = pg_temp.id_of('doctor'))
    ) || array[:'within'],
    format('search_open_slots: pages of %s%s show every slot once', n, v.sentence))
from unnest(array[1, 2, 3, 1000]) as n
cross join (values ('', ''), ($$ p_language => 'en', $$, ' for a language of many')) as v (filter, sentence);
select is(
    pg_temp.all_pages(
        'api.find_open_slots(p_language => ''es'', p_limit => 2, p_cursor => %L)'),
    array(
        select s.id::text from api.find_open_slots(p_limit => 1000) as s
        where s.doctor_id = pg_temp.id_of('doctor')),
    'search_open_slots: pages for a language of few show every slot once');
select is(
    pg_temp.all_pages(
        'api.find_open_slots(p_specialty => ''cardiology'', p_weekdays => ''{1,2,3,4,5,6,7}'','
        'p_time_zone => ''UTC'', p_to => ''2027-02-01'', p_limit => 2, p_cursor => %L)'),
    array(
        select s.id::text
        from api.find_open_slots('cardiology', p_to => '2027-02-01', p_limit => 1000) as s),
    'search_open_slots: pages for a specialty show every slot once');

-- Clocks go forward
reset role;
select pg_temp.set_clock('2027-03-26 08:00:00+00');
select pg_temp.open_slot('doctor', t) from unnest(array[
    timestamptz '2027-03-28 00:30+00', '2027-03-28 01:00+00', '2027-03-28 01:30+00',
    '2027-03-29 00:30+00', '2027-03-29 01:00+00']) as t \g /dev/null
set local role telemed_api;
select is(
    pg_temp.found(format($$ p_between => %L, p_time_zone => 'Europe/Berlin' $$, v.hours)),
    v.starts, 'search_open_slots: when clocks go forward, ' || v.sentence)
from (values
    ('01:00-02:00', '28 00:30', 'the hour before the change is found'),
    ('02:00-03:00', '29 00:30', 'the hour that they skip is not found'),
    ('02:30-03:30', '28 01:00, 29 00:30, 29 01:00', 'hours that begin in the skipped hour end in time'),
    ('01:30-02:30', '28 00:30', 'hours that end in the skipped hour end with the change'))
    as v (hours, starts, sentence);

-- Clocks go back
reset role;
select pg_temp.set_clock('2027-10-29 08:00:00+00');
select pg_temp.open_slot('doctor', t) from unnest(array[
    timestamptz '2027-10-30 23:30+00', '2027-10-31 00:00+00', '2027-10-31 00:30+00',
    '2027-10-31 01:00+00', '2027-10-31 01:30+00', '2027-10-31 02:00+00']) as t \g /dev/null
set local role telemed_api;
select is(
    pg_temp.found(format($$ p_between => %L, p_time_zone => 'Europe/Berlin' $$, v.hours)),
    v.starts, 'search_open_slots: when clocks go back, ' || v.sentence)
from (values
    ('02:00-03:00', '31 00:00, 31 00:30, 31 01:00, 31 01:30', 'a repeated hour is found twice'),
    ('02:30-03:00', '31 00:30, 31 01:30', 'the second half of a repeated hour is found twice'),
    ('01:00-02:30', '30 23:30, 31 00:00, 31 01:00', 'the first half of a repeated hour is found twice'),
    ('03:00-04:00', '31 02:00', 'the hour after the change is found once'))
    as v (hours, starts, sentence);

-- Clocks of the world: what a search finds, and the local time of each slot
reset role;
select pg_temp.set_clock('2027-03-01 08:00:00+00');
select count(pg_temp.open_slot('other_doctor', t, 10))
from unnest(array['2027-03-13', '2027-03-27', '2027-04-03', '2027-04-29', '2027-09-25', '2027-10-02',
    '2027-10-28', '2027-10-30', '2027-11-06']::date[]) as d
cross join generate_series(d + time '00:07', d + interval '47 hours', interval '20 minutes') as local
cross join lateral (select local at time zone 'UTC') as s (t) \g /dev/null
create temp table search on commit drop as
select z.zone, b.opens, b.closes, w.weekdays, p.starts_at, p.ends_at
from unnest(array['Europe/Berlin', 'America/Havana', 'America/Nuuk', 'Atlantic/Azores',
    'Australia/Lord_Howe', 'Pacific/Chatham', 'Africa/Cairo', 'Asia/Kathmandu']) as z (zone)
cross join (values ('00:00', '24:00'), ('23:30', '00:30'), ('00:00', '01:00'), ('01:30', '02:30'),
    ('22:00', '06:00')) as b (opens, closes)
cross join (values (null::integer[]), ('{6,7}')) as w (weekdays)
cross join (values
    (timestamptz '2027-03-12 05:00+00', timestamptz '2027-05-02 11:00+00'),
    ('2027-09-24 20:00+00', '2027-11-08 00:00+00')) as p (starts_at, ends_at);
create function pg_temp.by_clock(p_search search)
returns uuid[] language sql
as $$
    select array(
        select s.id
        from app.availability_slots as s
        cross join lateral (
            select s.starts_at at time zone (p_search).zone as shown
        ) as l
        cross join lateral (
            -- The day on which the hours begin
            select l.shown::date - (
                (p_search).opens > (p_search).closes
                and l.shown::time < (p_search).closes::time)::integer as day
        ) as d
        where s.status = 'open'
          and s.starts_at >= (p_search).starts_at and s.starts_at < (p_search).ends_at
          and case
              when (p_search).opens < (p_search).closes then
                  l.shown::time >= (p_search).opens::time and l.shown::time < (p_search).closes::time
              else l.shown::time >= (p_search).opens::time or l.shown::time < (p_search).closes::time
          end
          and ((p_search).weekdays is null
               or extract(isodow from d.day) = any ((p_search).weekdays))
        order by s.starts_at, s.id)
$$;
select pg_temp.sign_in('patient');
create temp table outcome on commit drop as
select s::text as search, pg_temp.by_clock(s) as expected, array(
    select f.id from api.find_open_slots(
        p_from => s.starts_at, p_to => s.ends_at, p_weekdays => s.weekdays,
        p_between => s.opens || '-' || s.closes, p_time_zone => s.zone, p_limit => 1000) as f)
    as found
from search as s;
select cmp_ok(
    (select count(*) from outcome where cardinality(expected) between 20 and 999), '>=', 120::bigint,
    'search_open_slots: the searches by clocks of the world find slots');
select is_empty('select search from outcome where found <> expected',
    'search_open_slots: a search finds the slots whose local time is in the hours, in any zone');
set local role telemed_api;

-- Refusals
select is(
    pg_temp.refusal('patient', format('select api.find_open_slots(%s)', v.arguments)),
    v.refusal, 'search_open_slots: ' || v.sentence)
from (values
    ($$ p_language => 'ES' $$, 'TM201 language', 'a language in capital letters is refused'),
    ($$ p_language => '' $$, 'TM201 language', 'an empty language is refused'),
    ($$ p_weekdays => '{0}', p_time_zone => 'UTC' $$, 'TM201 weekdays', 'weekday 0 is refused'),
    ($$ p_weekdays => '{1,8}', p_time_zone => 'UTC' $$, 'TM201 weekdays', 'weekday 8 is refused'),
    ($$ p_weekdays => '{}', p_time_zone => 'UTC' $$, 'TM201 weekdays', 'no weekday is refused'),
    ($$ p_weekdays => '{1,null}', p_time_zone => 'UTC' $$, 'TM201 weekdays',
     'a null weekday is refused'),
    ($$ p_weekdays => '{1}' $$, 'TM204 time_zone', 'weekdays without a time zone are refused'),
    ($$ p_between => '17:00-20:00' $$, 'TM204 time_zone', 'hours without a time zone are refused'),
    ($$ p_time_zone => 'Nowhere' $$, 'TM204 time_zone', 'an unknown time zone is refused'),
    ($$ p_between => '17:00', p_time_zone => 'UTC' $$, 'TM201 between', 'one time is refused'),
    ($$ p_between => '17-20', p_time_zone => 'UTC' $$, 'TM201 between',
     'hours without minutes are refused'),
    ($$ p_between => '24:00-06:00', p_time_zone => 'UTC' $$, 'TM201 between',
     'hours that begin at 24:00 are refused'),
    ($$ p_between => '17:00-24:01', p_time_zone => 'UTC' $$, 'TM201 between',
     'hours that end after 24:00 are refused'),
    ($$ p_between => '17:00-17:00', p_time_zone => 'UTC' $$, 'TM201 between',
     'two equal times are refused'),
    ($$ p_between => E'17:00-20:00\n', p_time_zone => 'UTC' $$, 'TM201 between',
     'a line break after the hours is refused'),
    ($$ p_weekdays => '{1}', p_time_zone => 'UTC', p_from => '2027-11-01 00:00+00',
        p_to => '2028-01-02 00:00:00.000001+00' $$, 'TM202 to',
     'weekdays and a range of more than 62 days are refused'),
    ($$ p_between => '17:00-20:00', p_time_zone => 'UTC', p_to => 'infinity' $$, 'TM202 to',
     'hours and a range to infinity are refused'),
    ($$ p_weekdays => '{1}', p_time_zone => 'UTC', p_from => '2027-11-01 00:00+00',
        p_to => '2028-01-02 00:00+00' $$, null,
     'weekdays and a range of 62 days are accepted')) as v (arguments, refusal, sentence);
select is(
    pg_temp.refusal('nobody', $$ select api.find_open_slots(p_language => 'xx') $$), 'TM101',
    'search_open_slots: a caller who is not logged in is refused before the arguments are checked');

select * from finish();
rollback;
