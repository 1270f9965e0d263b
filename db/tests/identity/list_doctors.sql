begin;
\ir ../helpers/actors.psql
select plan(31);

select pg_temp.sign_in('admin');
select id as third from api.onboard_doctor(
    'third@clinic.test', '$2b$04$' || repeat('a', 53), 'Dr. 100% Ünal_Real', 'Cardiology', 'UTC',
    100, 'EUR') \gset
select pg_temp.id_of('doctor') as first, pg_temp.id_of('other_doctor') as second \gset

-- What is found
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
    pg_temp.found(), 'doctor other_doctor 100%', 'a patient sees all doctors, as they joined');
select is(pg_temp.found(p_specialty => v.specialty), v.names, v.sentence)
from (values
    ('Cardiology', 'doctor 100%', 'a patient looks for cardiologists'),
    ('CARDIOlogy', 'doctor 100%', 'in capital letters too'),
    ('Cardio', '', 'a specialty is its whole name'),
    ('%', '', 'and no pattern'),
    ('', '', 'an empty specialty is nobody''s'),
    ('Dermatology', 'other_doctor', 'a patient looks for a dermatologist')) as v (specialty, names,
     sentence);
select is(pg_temp.found(p_q => v.q), v.names, v.sentence)
from (values
    ('other', 'other_doctor', 'a part of the name is enough'),
    ('OTHER', 'other_doctor', 'in capital letters too'),
    ('ünal', '100%', 'whatever the script'),
    ('%', '100%', 'a percent sign means itself'),
    ('_', 'other_doctor 100%', 'an underscore too'),
    ('\', '', 'and a backslash'),
    ('', 'doctor other_doctor 100%', 'an empty search finds everybody'),
    ('zzz', '', 'a name that nobody has is not found')) as v (q, names, sentence);
select is(
    pg_temp.found(p_specialty => 'cardiology', p_q => 'doc'), 'doctor',
    'both searches go together');

-- Pages
select is(
    pg_temp.found(p_limit => 2), 'doctor other_doctor', 'a page has as many as were asked for');
select is(
    pg_temp.found(p_limit => 2, p_cursor => current_setting('app.next_cursor')), '100%',
    'the next page goes on after it');
select is(current_setting('app.next_cursor'), '', 'the last page has no cursor');
select pg_temp.cursor_after('patient', 'api.list_doctors(p_limit => 1)') as after_first,
    pg_temp.cursor_after('patient', 'api.list_doctors(p_limit => 2)') as after_second \gset
select throws_ok(
    format('select api.list_doctors(p_limit => %L)', v.size), 'TM201', null, v.sentence)
from (values
    (0, 'a page has at least one row'),
    (1001, 'a page has at most 1000 rows'),
    (null, 'a page has a size')) as v (size, sentence);

-- Doctors who have left
reset role;
update app.users set deactivated_at = app.clock() where id = pg_temp.id_of('other_doctor');
set local role telemed_api;
select is(pg_temp.found(), 'doctor 100%', 'a doctor who has left is not listed');
select is(
    pg_temp.found(p_specialty => v.specialty, p_q => v.q), '', v.sentence)
from (values
    ('Dermatology', null, 'nor found by specialty'),
    (null, 'other', 'nor by name')) as v (specialty, q, sentence);
select is(
    pg_temp.found(p_limit => 1, p_cursor => :'after_first'), '100%', 'and takes no place on a page');
select is(
    pg_temp.found(p_limit => 1, p_cursor => :'after_second'), '100%',
    'a page goes on after a doctor who has left since the page before');

-- Who
select pg_temp.sign_in('doctor');
select is(pg_temp.found(p_limit => 1), 'doctor', 'a doctor sees doctors');
select pg_temp.sign_in('admin');
select is(pg_temp.found(p_limit => 1), 'doctor', 'so does an admin');
select pg_temp.sign_in('nobody');
select throws_ok('select api.list_doctors()', 'TM101', null, 'nobody does without signing in');
select throws_ok(
    'select api.list_doctors(p_limit => 0)', 'TM101', null, 'whatever is asked');

select * from finish();
rollback;
