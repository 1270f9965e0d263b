begin;
\ir ../helpers/actors.psql
select plan(78);

select pg_temp.sign_in('admin');
select id as third from api.onboard_doctor(
    'third@clinic.test', '$2b$04$' || repeat('a', 53), 'Dr. 100% Ünal_Real', 'Cardiology', 'UTC',
    100, 'EUR') \gset
select pg_temp.id_of('doctor') as first, pg_temp.id_of('other_doctor') as second \gset

-- Search
reset role;
create function pg_temp.found(
    p_specialty text default null, p_q text default null, p_limit integer default 50,
    p_cursor text default null, p_language text default null, p_max_fee_minor bigint default null,
    p_sort text default null)
returns text language sql
as $$
    select coalesce(string_agg(split_part(d.full_name, ' ', 2), ' ' order by d.ordinality), '')
    from api.list_doctors(
        p_specialty, p_q, p_language, p_max_fee_minor, p_sort, p_limit, p_cursor)
        with ordinality as d
$$;
set local role telemed_api;
select pg_temp.sign_in('patient');
select is(
    pg_temp.found(), 'doctor other_doctor 100%',
    'list_doctors: a patient sees all doctors in the order in which they joined');
select is(pg_temp.found(p_specialty => v.specialty), v.names, v.sentence)
from (values
    ('Cardiology', 'doctor 100%', 'list_doctors: a specialty finds its doctors'),
    ('CARDIOlogy', 'doctor 100%', 'list_doctors: the case of the specialty does not matter'),
    ('Cardiologie', '', 'list_doctors: a specialty is not searched for what is like it'),
    ('cardiology', 'doctor 100%', 'list_doctors: the code of a specialty finds its doctors'),
    ('Cardio', '', 'list_doctors: a part of a specialty finds no doctor'),
    ('%', '', 'list_doctors: a percent sign in the specialty is not a pattern'),
    ('', '', 'list_doctors: an empty specialty finds no doctor'),
    ('Dermatology', 'other_doctor',
     'list_doctors: another specialty finds other doctors')) as v (specialty, names,
     sentence);
select is(pg_temp.found(p_q => v.q), v.names, v.sentence)
from (values
    ('other', 'other_doctor', 'list_doctors: a part of the name finds the doctor'),
    ('OTHER', 'other_doctor', 'list_doctors: the case of the name does not matter'),
    ('ünal', '100%', 'list_doctors: the case of a letter beyond ASCII does not matter'),
    ('%', '100%', 'list_doctors: a percent sign in the search means itself'),
    ('_', 'other_doctor 100%', 'list_doctors: an underscore in the search means itself'),
    ('\', '', 'list_doctors: a backslash in the search means itself'),
    ('', 'doctor other_doctor 100%', 'list_doctors: an empty search finds all doctors'),
    ('UNAL', '100%', 'list_doctors: accents of the name do not matter'),
    ('OTHÉR', 'other_doctor', 'list_doctors: accents of the search do not matter'),
    ('unnal', '100%', 'list_doctors: a name is found with a typing error'),
    ('kardiology', 'doctor 100%', 'list_doctors: a specialty is found with a typing error'),
    ('dermatology', 'other_doctor', 'list_doctors: a specialty is found as a word'),
    ('carl', '', 'list_doctors: a word is not like another one with the same beginning'),
    ('una', '100%', 'list_doctors: three letters are a part of a name'),
    ('unx', '', 'list_doctors: three letters are like no other word'),
    ('real ünal', '100%', 'list_doctors: the order of the words does not matter'),
    ('real cardiology', '100%', 'list_doctors: every word must be found: in name or specialty'),
    ('real dermatology', '', 'list_doctors: a doctor with one of two words is not found'),
    (E' \t\n', 'doctor other_doctor 100%', 'list_doctors: a search of spaces finds all doctors'),
    ('zzz', '',
     'list_doctors: a name that no doctor has finds no doctor')) as v (q, names, sentence);
select is(
    pg_temp.found(p_specialty => 'cardiology', p_q => 'doc'), 'doctor',
    'list_doctors: specialty and name can be combined');

-- Languages, fees and order
reset role;
update app.doctors set languages = '{cs,es}', fee_minor = 7000
where user_id = pg_temp.id_of('doctor');
update app.doctors set languages = '{es}' where user_id = :'third';
select pg_temp.open_slot('doctor', '2027-01-06 09:00:00+00') as later_slot \gset
select pg_temp.open_slot('doctor', '2027-01-05 09:00:00+00') as first_slot \gset
select pg_temp.open_slot('other_doctor', '2027-01-05 08:00:00+00') as early_slot \gset
select pg_temp.open_slot('other_doctor', '2027-01-04 08:00:00+00') as begun_slot \gset
set local role telemed_api;
select pg_temp.sign_in('patient');
select is(pg_temp.found(p_language => v.language, p_max_fee_minor => v.fee), v.names, v.sentence)
from (values
    ('es', null, 'doctor 100%', 'list_doctors: a language finds the doctors who speak it'),
    ('cs', null, 'doctor', 'list_doctors: a second language finds other doctors'),
    ('fr', null, '', 'list_doctors: a language that no doctor speaks finds no doctor'),
    (null, 5000, 'other_doctor 100%', 'list_doctors: a doctor above the highest fee is not found'),
    (null, 7000, 'doctor other_doctor 100%', 'list_doctors: a doctor with the highest fee is found'),
    (null, 99, '', 'list_doctors: a highest fee below all fees finds no doctor'),
    ('es', 5000, '100%', 'list_doctors: language and fee can be combined'))
    as v (language, fee, names, sentence);
select is(pg_temp.found(p_q => 'spanish'), 'doctor 100%',
    'list_doctors: the English name of a language finds the doctors who speak it');
select is(
    array_agg(d.next_free_at order by d.id),
    array['2027-01-05 09:00+00', '2027-01-05 08:00+00', null]::timestamptz[],
    'list_doctors: next_free_at is the start of the first open slot that has not begun')
from api.list_doctors() as d;
select pg_temp.booking('patient', :'early_slot') as booking \gset
select is(d.next_free_at, null, 'list_doctors: a booked slot is not free')
from api.list_doctors('Dermatology') as d;
select api.cancel_consultation(:'booking') \g /dev/null
select is(pg_temp.found(p_sort => 'next_free'), 'other_doctor doctor 100%',
    'list_doctors: next_free sorts by the next free time, doctors without one come last');
select is(pg_temp.found(p_sort => 'next_free', p_q => 'cardiology'), 'doctor 100%',
    'list_doctors: next_free sorts what is found');
select is(pg_temp.found(p_sort => 'relevance'), 'doctor other_doctor 100%',
    'list_doctors: without a search, relevance is the order in which the doctors joined');
select is(pg_temp.found(p_q => 'doctor'), 'doctor other_doctor',
    'list_doctors: doctors who match as well as each other are in the order in which they joined');
reset role;
update app.profiles set full_name = 'Dr. Tomáš Král' where user_id = :'third';
set local role telemed_api;
select is(pg_temp.found(p_q => v.q), 'Tomáš', v.sentence)
from (values
    ('kral', 'list_doctors: kral finds Dr. Tomáš Král'),
    ('tomas krall', 'list_doctors: tomas krall finds Dr. Tomáš Král')) as v (q, sentence);
reset role;
update app.profiles set full_name = 'Dr. third Doktor' where user_id = :'third';
update app.profiles set full_name = 'Dr. other_doctor Doctorow' where user_id = :'second';
set local role telemed_api;
select is(pg_temp.found(p_q => 'doctorow'), 'other_doctor doctor',
    'list_doctors: a whole word comes before one that is only like it');
reset role;
update app.profiles set full_name = 'Doctor other_doctor' where user_id = :'second';
update app.profiles set full_name = 'Dr. 100% Ünal_Real' where user_id = :'third';
set local role telemed_api;
select is(
    pg_temp.all_pages(format(
        'api.list_doctors(p_sort => ''next_free'', p_limit => %s, p_cursor => %%L)', n)),
    array[:'second', :'first', :'third'],
    'list_doctors: pages of ' || n || ' by next free time show every doctor once')
from unnest(array[1, 2, 3]) as n;
select is(
    pg_temp.all_pages(
        'api.list_doctors(p_q => ''cardiology'', p_limit => 1, p_cursor => %L)'),
    array[:'first', :'third'], 'list_doctors: pages of a search show every doctor once');
select pg_temp.cursor_after('patient', $$ api.list_doctors(p_limit => 1) $$) as by_relevance,
    pg_temp.cursor_after(
        'patient', $$ api.list_doctors(p_limit => 1, p_sort => 'next_free') $$) as by_time,
    pg_temp.cursor_after(
        'patient', $$ api.list_doctors(p_limit => 1, p_q => 'doctor') $$) as of_words \gset
select is(
    pg_temp.refusal('patient', format(
        'select api.list_doctors(p_q => %L, p_sort => %L, p_cursor => %L)', v.q, v.sort, v.cursor)),
    v.refusal, 'list_doctors: ' || v.sentence)
from (values
    (null, 'next_free', :'by_relevance', 'TM201 cursor',
     'a cursor by relevance is refused for the next free time'),
    (null, 'relevance', :'by_time', 'TM201 cursor',
     'a cursor by next free time is refused for relevance'),
    ('cardiology', null, :'of_words', 'TM201 cursor', 'a cursor is refused for other words'),
    (null, null, :'of_words', 'TM201 cursor', 'a cursor of words is refused without words'),
    (null, 'relevance', :'by_relevance', null, 'relevance is the order without an order'),
    (' DÓCTOR', null, :'of_words', null, 'a cursor is accepted for the same words in capitals'))
    as v (q, sort, cursor, refusal, sentence);
select is(
    pg_temp.refusal('patient', format('select api.list_doctors(%s)', v.arguments)),
    v.refusal, 'list_doctors: ' || v.sentence)
from (values
    ($$ p_sort => 'name' $$, 'TM201 sort', 'another order is refused'),
    ($$ p_language => 'ES' $$, 'TM201 language', 'a language in capital letters is refused'),
    ($$ p_language => 'xx' $$, 'TM201 language',
     'a language that ISO 639-1 does not have is refused'),
    ($$ p_q => repeat('x', 201) $$, 'TM201 q', 'a search of 201 characters is refused'),
    ($$ p_q => repeat('x ', 11) $$, 'TM201 q', 'a search of eleven words is refused'),
    ($$ p_q => repeat('x ', 10) $$, null, 'a search of ten words is accepted'))
    as v (arguments, refusal, sentence);

-- Pages
select is(
    pg_temp.found(p_limit => 2), 'doctor other_doctor',
    'list_doctors: a page has as many doctors as the limit');
select is(
    pg_temp.found(p_limit => 2, p_cursor => current_setting('app.next_cursor')), '100%',
    'list_doctors: the next page begins after the last doctor of the page before');
select is(current_setting('app.next_cursor'), '', 'list_doctors: the last page has no cursor');
select pg_temp.cursor_after('patient', 'api.list_doctors(p_limit => 1)') as after_first,
    pg_temp.cursor_after('patient', 'api.list_doctors(p_limit => 2)') as after_second \gset
select throws_ok(
    format('select api.list_doctors(p_limit => %L)', v.size), 'TM201', null, v.sentence)
from (values
    (0, 'list_doctors: a limit of 0 rows is refused'),
    (1001, 'list_doctors: a limit of 1001 rows is refused'),
    (null, 'list_doctors: a null limit is refused')) as v (size, sentence);

-- Deactivated doctors
reset role;
update app.users set deactivated_at = app.clock() where id = pg_temp.id_of('other_doctor');
set local role telemed_api;
select is(pg_temp.found(), 'doctor 100%', 'list_doctors: a deactivated doctor is not listed');
select is(
    pg_temp.found(p_specialty => v.specialty, p_q => v.q), '', v.sentence)
from (values
    ('Dermatology', null, 'list_doctors: a deactivated doctor is not found by specialty'),
    (null, 'other',
     'list_doctors: a deactivated doctor is not found by name')) as v (specialty, q, sentence);
select is(
    pg_temp.found(p_limit => 1, p_cursor => :'after_first'), '100%',
    'list_doctors: a deactivated doctor takes no place on a page');
select is(
    pg_temp.found(p_limit => 1, p_cursor => :'after_second'), '100%',
    'list_doctors: a cursor stays valid when the doctor at its position is deactivated');

-- Callers
select pg_temp.sign_in('doctor');
select is(pg_temp.found(p_limit => 1), 'doctor', 'list_doctors: a doctor can list doctors');
select pg_temp.sign_in('admin');
select is(pg_temp.found(p_limit => 1), 'doctor', 'list_doctors: an admin can list doctors');
select pg_temp.sign_in('nobody');
select throws_ok('select api.list_doctors()', 'TM101', null,
    'list_doctors: a caller who is not logged in is refused');
select throws_ok(
    'select api.list_doctors(p_limit => 0)', 'TM101', null,
    'list_doctors: a caller who is not logged in is refused before the limit is checked');

select * from finish();
rollback;
