begin;
\ir ../helpers/actors.psql
select plan(27);
reset role;

-- Codes
select is(app.specialty_code(v.name), v.code, 'specialty_code: ' || v.sentence)
from (values
    ('Cardiology', 'cardiology', 'the code of one word is the word in lower case'),
    ('General practice', 'general_practice', 'a space becomes an underscore'),
    ('general_practice', 'general_practice', 'a code is its own code'),
    ('Ear, Nose & Throat', 'ear_nose_throat', 'punctuation becomes one underscore'),
    (' Surgery. ', 'surgery', 'spaces and punctuation at both ends are dropped'),
    ('Gynäkologie', 'gynakologie', 'accents are dropped'),
    (normalize('Gynäkologie', nfd), 'gynakologie', 'combining accents are dropped'),
    (repeat('x', 40), repeat('x', 40), 'a name of 40 characters is its own code'),
    (null, null, 'null stays null')) as v (name, code, sentence);
select matches(app.specialty_code(v.name), '^s_[0-9a-f]{32}$', 'specialty_code: ' || v.sentence)
from (values
    (repeat('x', 41), 'a long name has a code made of its hash'),
    ('24-hour medicine', 'a name that begins with a digit has a code made of its hash'),
    ('Кардиология', 'a name in another script has a code made of its hash'),
    ('Кардиология A', 'a name that is only partly in Latin letters has a code made of its hash'),
    ('', 'an empty text has a code made of its hash')) as v (name, sentence);
select isnt(
    app.specialty_code('Кардиология'), app.specialty_code('Неврология'),
    'specialty_code: two names in another script have two codes');
select is(
    app.specialty_code('ΚΑΡΔΙΟΛΟΓΟΣ'), app.specialty_code('καρδιολογος'),
    'specialty_code: the case of a name in another script does not matter');
select is(
    app.specialty_code(app.specialty_code('Кардиология')), app.specialty_code('Кардиология'),
    'specialty_code: a code made of a hash is its own code');

-- The list
select is(
    array_agg(format('%s %s', s.code, s.name) order by s.code),
    '{"cardiology Cardiology","dermatology Dermatology"}',
    'The list has the specialties of the doctors')
from app.specialties as s;
update app.doctors set specialty = 'CARDIOLOGY' where user_id = pg_temp.id_of('doctor');
select is(
    array_agg(s.name::text), '{Cardiology}',
    'A doctor who writes a listed specialty in another way does not add to the list')
from app.specialties as s where s.code = 'cardiology';
update app.doctors set specialty = 'Sports Medicine' where user_id = pg_temp.id_of('doctor');
select results_eq(
    $$ select s.name::text from app.specialties as s where s.code = 'sports_medicine' $$,
    $$ values ('Sports Medicine') $$,
    'A doctor with a new specialty adds it to the list');
select is(
    array_agg(l.new ->> 'name'), '{"Sports Medicine"}', 'The audit log has a new specialty')
from app.audit_logs as l
where l.table_name = 'specialties' and l.row_id = 'sports_medicine' and l.operation = 'INSERT';
select throws_ok(v.statement, v.code, null, v.sentence)
from (values
    ($$ insert into app.specialties (code, name) values ('cardiology', 'cardiology') $$, '23505',
     'A second specialty with the same code is refused'),
    ($$ insert into app.specialties (code, name) values ('x', '') $$, '23514',
     'A specialty without a name is refused'),
    ($$ insert into app.specialties (code, name) values ('surgery', null) $$, '23502',
     'A specialty with a null name is refused'),
    ($$ update app.specialties set name = 'CARDIOLOGY' where code = 'cardiology' $$, 'TM912',
     'A specialty keeps its name'),
    ($$ delete from app.specialties $$, 'TM912', 'A specialty is never deleted'),
    ('truncate app.specialties cascade', 'TM912', 'The list is never truncated'))
    as v (statement, code, sentence);

select * from finish();
rollback;
