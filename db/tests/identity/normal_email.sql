begin;
select plan(19);

select is(app.normal_email(v.email), v.normal, v.sentence)
from (values
    ('ann@clinic.test', 'ann@clinic.test',
     'normal_email: an address in small ASCII letters stays as it is'),
    ('Ann@CLINIC.Test', 'ann@clinic.test', 'normal_email: capital ASCII letters become small'),
    ('ÄÖ@clinic.test', 'äö@clinic.test', 'normal_email: capital letters beyond ASCII become small'),
    (U&'jose\0301@clinic.test', U&'jos\00E9@clinic.test',
     'normal_email: a small letter and its accent become one character'),
    (U&'JOSE\0301@clinic.test', U&'jos\00E9@clinic.test',
     'normal_email: a capital letter and its accent become one small character'),
    (U&'J\030C@clinic.test', U&'\01F0@clinic.test',
     'normal_email: a pair becomes one character even if only its small letter has one'),
    (U&'\212A\212B@clinic.test', U&'k\00E5@clinic.test',
     'normal_email: the Kelvin and the Angstrom sign become the letters that they stand for'),
    ('ΟΔΟΣ@clinic.test', 'οδοσ@clinic.test', 'normal_email: a capital sigma becomes a small one'),
    ('οδος@clinic.test', 'οδοσ@clinic.test', 'normal_email: a final sigma becomes an ordinary one'),
    (U&'stra\1E9Ee@clinic.test', 'straße@clinic.test',
     'normal_email: a capital sharp s becomes a small one'),
    ('strasse@clinic.test', 'strasse@clinic.test', 'normal_email: a double s stays a double s'),
    (U&'\0130i@clinic.test', 'ii@clinic.test', 'normal_email: a capital i with a dot becomes an i'),
    (U&'I\0307i@clinic.test', 'ii@clinic.test',
     'normal_email: a capital i with a combining dot becomes an i'),
    (U&'\0131@clinic.test', U&'\0131@clinic.test',
     'normal_email: an i without a dot stays as it is'),
    ('a+1@clinic.test', 'a+1@clinic.test', 'normal_email: the part after a plus sign stays'),
    ('', '', 'normal_email: an empty text stays empty'),
    (null, null, 'normal_email: null stays null')
) as v (email, normal, sentence);

create temp table letter on commit drop as
select chr(n) as c
from generate_series(1, 131071) as n
where n not between 55296 and 57343
  and (chr(n) <> lower(chr(n)) or chr(n) <> upper(chr(n))
       or chr(n) is not nfc normalized or chr(n) is not nfd normalized);
select is_empty(
    $$ select c from letter where app.normal_email(app.normal_email(c)) <> app.normal_email(c) $$,
    'normal_email: the normal form of a normal form is the same, for every letter');
select is_empty(
    $$
    select c from letter
    where app.normal_email(lower(c)) <> app.normal_email(c)
       or app.normal_email(normalize(c, nfc)) <> app.normal_email(c)
       or app.normal_email(normalize(c, nfd)) <> app.normal_email(c)
       or app.normal_email(normalize(upper(c), nfd)) <> app.normal_email(upper(c))
    $$,
    'normal_email: every composition and the small letter have the same normal form');

select * from finish();
rollback;
