begin;
\ir ../helpers/actors.psql
select plan(15);

reset role;
select is(
    pg_temp.refusal('nobody', format(
        'select app.check_doctor(%L, %L, %L::text[], %L)',
        v.time_zone, v.currency, v.languages, v.year)),
    v.refusal, 'check_doctor: ' || v.sentence)
from (values
    ('Europe/Prague', 'CZK', '{cs,en}', 1998, null, 'values of a doctor are accepted'),
    (null, null, null, null, null, 'nulls are accepted'),
    (null, null, '{}', 1900, null, 'no language and the year 1900 are accepted'),
    (null, null, null, 2027, null, 'the present year is accepted'),
    ('Berlin', null, null, null, 'TM204 time_zone', 'an unknown time zone is refused'),
    ('CET', null, null, null, 'TM204 time_zone', 'an abbreviation of a time zone is refused'),
    (null, 'eur', null, null, 'TM201 currency', 'a currency in small letters is refused'),
    (null, 'XXX', null, null, 'TM201 currency', 'a currency that does not exist is refused'),
    (null, null, '{es,es}', null, 'TM201 languages', 'a language that occurs twice is refused'),
    (null, null, '{es,xx}', null, 'TM201 languages', 'an unknown language is refused'),
    (null, null, '{es,NULL}', null, 'TM201 languages', 'a null language is refused'),
    (null, null, '{{es},{en}}', null, 'TM201 languages', 'a list of lists is refused'),
    (null, null, array_fill('es'::text, '{21}')::text, null, 'TM201 languages',
     '21 languages are refused'),
    (null, null, null, 1899, 'TM201 practising_since', 'a year before 1900 is refused'),
    (null, null, null, 2028, 'TM201 practising_since', 'a year of the future is refused'))
    as v (time_zone, currency, languages, year, refusal, sentence);

select * from finish();
rollback;
