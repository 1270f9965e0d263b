begin;
\ir ../helpers/actors.psql
select plan(22);
reset role;

select is(
    pg_temp.refusal('nobody', format('select app.require_time_zone(%L)', v.name)),
    v.refusal, 'require_time_zone: ' || v.sentence)
from (values
    ('Europe/Berlin', null, 'Europe/Berlin is accepted'),
    ('America/Argentina/Buenos_Aires', null, 'America/Argentina/Buenos_Aires is accepted'),
    ('America/Port-au-Prince', null, 'a place with hyphens is accepted'),
    ('UTC', null, 'UTC is accepted'),
    ('Etc/GMT+5', null, 'Etc/GMT+5 is accepted'),
    ('Japan', null, 'a name without an area is accepted'),
    ('Mars/Olympus_Mons', 'TM204 time_zone', 'a zone that does not exist is refused'),
    ('Mars/Olympus-Mons', 'TM204 time_zone', 'a place with a hyphen that does not exist is refused'),
    ('Europe/Berlin5', 'TM204 time_zone', 'a POSIX rule with the name of a zone is refused'),
    ('<+02>-02', 'TM204 time_zone', 'a POSIX rule is refused'),
    ('Abc/Def,M3.5.0,M10.5.0', 'TM204 time_zone', 'a POSIX rule with commas is refused'),
    ('CET', 'TM204 time_zone', 'an abbreviation is refused'),
    ('+02:00', 'TM204 time_zone', 'an offset is refused'),
    ('posix/Europe/Berlin', 'TM204 time_zone', 'the posix variant of a zone is refused'),
    ('Posix/Europe/Berlin', 'TM204 time_zone', 'the posix variant in other letters is refused'),
    ('Right/Europe/Berlin', 'TM204 time_zone', 'the variant with leap seconds is refused'),
    ('localtime', 'TM204 time_zone', 'the name localtime is refused'),
    ('europe/berlin', 'TM204 time_zone', 'a zone in small letters is refused'),
    ('../../etc/passwd', 'TM204 time_zone', 'a path is refused'),
    ('', 'TM204 time_zone', 'an empty name is refused'),
    (null, 'TM204 time_zone', 'null is refused')) as v (name, refusal, sentence);
select is_empty(
    $$
    select z.name from pg_timezone_names as z
    where z.name ~ '^[A-Z][A-Za-z_]*(/[A-Z][A-Za-z_-]*)+$'
      and pg_temp.refusal('nobody', format('select app.require_time_zone(%L)', z.name)) is not null
    $$,
    'require_time_zone: every area and place of the database is accepted');

select * from finish();
rollback;
