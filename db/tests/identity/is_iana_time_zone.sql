begin;
select plan(13);

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
    ('+02:00', false, 'an offset is no zone'),
    ('<+02>-02', false, 'a POSIX rule is no zone'),
    ('posix/Europe/Berlin', false, 'a variant of a zone is no zone'),
    ('localtime', false, 'the zone of the server is no zone'),
    ('europe/berlin', false, 'a zone is written as the database of zones does'))
    as v (name, is_known, sentence);

select * from finish();
rollback;
