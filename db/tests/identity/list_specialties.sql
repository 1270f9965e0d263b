begin;
\ir ../helpers/actors.psql
select plan(13);

select pg_temp.sign_in('admin');
select api.onboard_doctor(
    'third@clinic.test', '$2b$04$' || repeat('a', 53), 'Dr. Third', 'CARDIOLOGY', 'UTC', 100,
    'EUR') \g /dev/null

select pg_temp.sign_in('patient');
select results_eq(
    'select s.code, s.name, s.active_doctors from api.list_specialties() as s',
    $$ values ('cardiology', 'Cardiology', 2::bigint), ('dermatology', 'Dermatology', 1) $$,
    'list_specialties: each specialty has its code, its name and its number of doctors');

-- Pages
select is(array_agg(s.code), '{cardiology}', 'list_specialties: a page has at most p_limit rows')
from api.list_specialties(1) as s;
select pg_temp.cursor_after('patient', 'api.list_specialties(1)') as after_first \gset
select is(
    array_agg(s.code), '{dermatology}',
    'list_specialties: the next page begins after the last row of the page before')
from api.list_specialties(1, :'after_first') as s;
select is(
    current_setting('app.next_cursor'), '', 'list_specialties: the last page has no cursor');
select is(
    pg_temp.refusal('patient', format('select api.list_specialties(%L, %L)', v.size, v.cursor)),
    v.refusal, 'list_specialties: ' || v.sentence)
from (values
    (0, null, 'TM201 limit', 'a limit of 0 rows is refused'),
    (1001, null, 'TM201 limit', 'a limit of 1001 rows is refused'),
    (null, null, 'TM201 limit', 'a null limit is refused'),
    (1, 'cardiology', 'TM201 cursor', 'a cursor that the database did not sign is refused'))
    as v (size, cursor, refusal, sentence);

-- Doctors who have left
reset role;
update app.users set deactivated_at = app.clock() where id = pg_temp.id_of('other_doctor');
set local role telemed_api;
select pg_temp.sign_in('patient');
select is(
    s.active_doctors, 0::bigint,
    'list_specialties: a specialty whose doctors are all deactivated has none')
from api.list_specialties() as s where s.code = 'dermatology';

-- Callers
select is(
    pg_temp.refusal(v.actor, 'select api.list_specialties()'), v.refusal,
    'list_specialties: ' || v.sentence)
from (values
    ('doctor', null, 'a doctor can read the list'),
    ('admin', null, 'an admin can read the list'),
    ('other_doctor', 'TM102', 'a deactivated doctor is refused'),
    ('nobody', 'TM101', 'a caller who is not logged in is refused')) as v (actor, refusal, sentence);

select * from finish();
rollback;
