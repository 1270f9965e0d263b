begin;
select plan(8);

select is(app.language_name(v.code), v.name, v.sentence)
from (values
    ('es', 'Spanish', 'language_name: es is Spanish'),
    ('cs', 'Czech', 'language_name: cs is Czech'),
    ('ES', null, 'language_name: a code in capital letters has no name'),
    ('spa', null, 'language_name: a code of three letters has no name'),
    ('xx', null, 'language_name: a code that ISO 639-1 does not have has no name'),
    ('', null, 'language_name: an empty text has no name'),
    (null, null, 'language_name: null has no name')) as v (code, name, sentence);
select is(
    (select count(app.language_name(chr(a) || chr(b)))
     from generate_series(97, 122) as a cross join generate_series(97, 122) as b),
    183::bigint, 'language_name: all 183 codes of ISO 639-1 have a name');

select * from finish();
rollback;
