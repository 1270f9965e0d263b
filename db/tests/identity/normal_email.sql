begin;
select plan(19);

select is(app.normal_email(v.email), v.normal, v.sentence)
from (values
    ('ann@clinic.test', 'ann@clinic.test', 'an address in small letters stays as it is'),
    ('Ann@CLINIC.Test', 'ann@clinic.test', 'capital letters become small'),
    ('ÄÖ@clinic.test', 'äö@clinic.test', 'also beyond ASCII'),
    (U&'jose\0301@clinic.test', U&'jos\00E9@clinic.test', 'a letter and its accent become one'),
    (U&'JOSE\0301@clinic.test', U&'jos\00E9@clinic.test', 'in capital letters, too'),
    (U&'J\030C@clinic.test', U&'\01F0@clinic.test', 'also where only the small letter has its own'),
    (U&'\212A\212B@clinic.test', U&'k\00E5@clinic.test', 'signs that are letters are these letters'),
    ('ΟΔΟΣ@clinic.test', 'οδοσ@clinic.test', 'a capital sigma is a small one'),
    ('οδος@clinic.test', 'οδοσ@clinic.test', 'and so is the one at the end of a word'),
    (U&'stra\1E9Ee@clinic.test', 'straße@clinic.test', 'a capital sharp s is a small one'),
    ('strasse@clinic.test', 'strasse@clinic.test', 'which is not two'),
    (U&'\0130i@clinic.test', 'ii@clinic.test', 'a capital i with a dot is an i'),
    (U&'I\0307i@clinic.test', 'ii@clinic.test', 'also where the dot is a character of its own'),
    (U&'\0131@clinic.test', U&'\0131@clinic.test', 'a small one without a dot is another letter'),
    ('a+1@clinic.test', 'a+1@clinic.test', 'what stands after a plus sign counts'),
    ('', '', 'an empty text stays empty'),
    (null, null, 'and what is missing, missing')
) as v (email, normal, sentence);

create temp table letter on commit drop as
select chr(n) as c
from generate_series(1, 131071) as n
where n not between 55296 and 57343
  and (chr(n) <> lower(chr(n)) or chr(n) <> upper(chr(n))
       or chr(n) is not nfc normalized or chr(n) is not nfd normalized);
select is_empty(
    $$ select c from letter where app.normal_email(app.normal_email(c)) <> app.normal_email(c) $$,
    'the normal form of a normal form is itself, whatever the letter');
select is_empty(
    $$
    select c from letter
    where app.normal_email(lower(c)) <> app.normal_email(c)
       or app.normal_email(normalize(c, nfc)) <> app.normal_email(c)
       or app.normal_email(normalize(c, nfd)) <> app.normal_email(c)
       or app.normal_email(normalize(upper(c), nfd)) <> app.normal_email(upper(c))
    $$,
    'and the same for each composition and for the small letter');

select * from finish();
rollback;
