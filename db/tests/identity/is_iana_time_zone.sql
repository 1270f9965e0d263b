begin;
select plan(27);

select is(app.is_iana_time_zone(v.name), v.is_known, v.sentence)
from (values
    ('Europe/Berlin', true, 'Berlin has a time zone'),
    ('America/Argentina/Buenos_Aires', true, 'so has Buenos Aires'),
    ('UTC', true, 'and so has everybody'),
    ('Mars/Olympus_Mons', false, 'Mars has none'),
    ('Europe', false, 'a continent has none'),
    ('', false, 'no name is no zone'),
    (null, false, 'nothing is no zone'),
    ('CEST', false, 'an abbreviation is no zone'),
    ('cet', false, 'in small letters neither'),
    ('+02:00', false, 'an offset is no zone'),
    ('<+02>-02', false, 'a POSIX rule is no zone'),
    ('posix/Europe/Berlin', false, 'a variant of a zone is no zone'),
    ('localtime', false, 'the zone of the server is no zone'),
    ('europe/berlin', false, 'a zone is written as the database of zones does'))
    as v (name, is_known, sentence);

-- Zones with the name of an abbreviation would be read as the abbreviation, which knows no summer.
select is(app.is_iana_time_zone(name), false, name || ' is read as an abbreviation and refused')
from unnest('{CET,EET,MET,WET,EST,MST,HST}'::text[]) as name;
select is(app.is_iana_time_zone('Factory'), false, 'the zone of no place is none');
select is(app.is_iana_time_zone(name), true, name || ' is nobody''s abbreviation')
from unnest('{America/New_York,Etc/UTC,Etc/GMT+5,Asia/Kathmandu}'::text[]) as name;

-- What is accepted means the same to "at time zone" as to a session in that zone. Short names are
-- those that an abbreviation could have.
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
    'no accepted zone is read in two ways');

select * from finish();
rollback;
