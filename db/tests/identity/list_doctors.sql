begin;
\ir ../helpers/actors.psql
select plan(31);

select pg_temp.sign_in('admin');
select id as third from api.onboard_doctor(
    'third@clinic.test', '$2b$04$' || repeat('a', 53), 'Dr. 100% Ünal_Real', 'Cardiology', 'UTC',
    100, 'EUR') \gset
select pg_temp.id_of('doctor') as first, pg_temp.id_of('other_doctor') as second \gset

-- Search
reset role;
create function pg_temp.found(
    p_specialty text default null, p_q text default null, p_limit integer default 50,
    p_cursor text default null)
returns text language sql
as $$
    select coalesce(string_agg(split_part(d.full_name, ' ', 2), ' ' order by d.ordinality), '')
    from api.list_doctors(p_specialty, p_q, p_limit, p_cursor) with ordinality as d
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
    ('zzz', '',
     'list_doctors: a name that no doctor has finds no doctor')) as v (q, names, sentence);
select is(
    pg_temp.found(p_specialty => 'cardiology', p_q => 'doc'), 'doctor',
    'list_doctors: specialty and name can be combined');

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
