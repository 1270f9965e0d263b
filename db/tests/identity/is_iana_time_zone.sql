begin;
select plan(27);

select is(app.is_iana_time_zone(v.name), v.is_known, v.sentence)
from (values
    ('Europe/Berlin', true, 'is_iana_time_zone: Europe/Berlin is accepted'),
    ('America/Argentina/Buenos_Aires', true,
     'is_iana_time_zone: America/Argentina/Buenos_Aires is accepted'),
    ('UTC', true, 'is_iana_time_zone: UTC is accepted'),
    ('Mars/Olympus_Mons', false, 'is_iana_time_zone: a zone that does not exist is refused'),
    ('Europe', false, 'is_iana_time_zone: the name of a continent alone is refused'),
    ('', false, 'is_iana_time_zone: an empty name is refused'),
    (null, false, 'is_iana_time_zone: null is refused'),
    ('CEST', false, 'is_iana_time_zone: an abbreviation is refused'),
    ('cet', false, 'is_iana_time_zone: an abbreviation in small letters is refused'),
    ('+02:00', false, 'is_iana_time_zone: an offset is refused'),
    ('<+02>-02', false, 'is_iana_time_zone: a POSIX rule is refused'),
    ('posix/Europe/Berlin', false, 'is_iana_time_zone: the posix variant of a zone is refused'),
    ('localtime', false, 'is_iana_time_zone: the name localtime is refused'),
    ('europe/berlin', false, 'is_iana_time_zone: a zone in small letters is refused'))
    as v (name, is_known, sentence);

-- PostgreSQL would read these zones as an abbreviation, which has no daylight saving time.
select is(
    app.is_iana_time_zone(name), false,
    'is_iana_time_zone: ' || name || ' is refused, because it is read as an abbreviation')
from unnest('{CET,EET,MET,WET,EST,MST,HST}'::text[]) as name;
select is(app.is_iana_time_zone('Factory'), false,
    'is_iana_time_zone: the name Factory is refused');
select is(
    app.is_iana_time_zone(name), true,
    'is_iana_time_zone: ' || name || ' is accepted, because it is no abbreviation')
from unnest('{America/New_York,Etc/UTC,Etc/GMT+5,Asia/Kathmandu}'::text[]) as name;

-- An accepted zone means the same in "at time zone" as in a session with that zone. Only names of at
-- most five characters can be abbreviations.
create function pg_temp.hours_in(p_zone text)
returns text language plpgsql
as $$
begin
    perform set_config('TimeZone', p_zone, true);
    return timestamptz '2027-01-15 12:00:00+00'::timestamp
        || timestamptz '2027-07-15 12:00:00+00'::timestamp::text;
end;
$$;
select is_empty(
    $$
    select z.name from pg_timezone_names as z
    where length(z.name) <= 5 and app.is_iana_time_zone(z.name)
      and pg_temp.hours_in(z.name) is distinct from
          (timestamptz '2027-01-15 12:00:00+00' at time zone z.name)
          || (timestamptz '2027-07-15 12:00:00+00' at time zone z.name)::text
    $$,
    'is_iana_time_zone: every accepted zone means the same in "at time zone" as in a session');

select * from finish();
rollback;
