begin;
\ir ../helpers/actors.psql
select plan(12);

select pg_temp.sign_in('patient');
select collect_tap(
    is(u.id, pg_temp.id_of('patient'), 'a patient sees their own account'),
    is(u.email, 'patient@clinic.test', 'with its address'),
    is(u.role, 'patient', 'its role'),
    is(u.full_name, 'Patient patient', 'and their name'))
from api.my_profile() as u;
select pg_temp.sign_in('doctor');
select is(u.role, 'doctor', 'so does a doctor') from api.my_profile() as u;
select pg_temp.sign_in('admin');
select is(u.role, 'admin', 'and an admin') from api.my_profile() as u;
select is(
    (select array_agg(k order by k) from jsonb_object_keys(to_jsonb(api.my_profile())) as k),
    '{created_at,date_of_birth,email,full_name,id,phone,role}',
    'nothing else is told: no secret is');

select pg_temp.sign_in('nobody');
select throws_ok(
    'select api.my_profile()', 'TM101', null, 'nobody has a profile without signing in');
select pg_temp.sign_in('patient');
set local app.role = 'admin';
select throws_ok(
    'select api.my_profile()', 'TM101', null, 'a role that is not the caller''s is refused');
select pg_temp.sign_in('patient');
select set_config('app.user_id', gen_random_uuid()::text, true) \g /dev/null
select throws_ok(
    'select api.my_profile()', 'TM101', null, 'an account that does not exist is refused');
select pg_temp.sign_in('nobody');
reset role;
update app.users set deactivated_at = app.clock() where id = pg_temp.id_of('patient');
set local role telemed_api;
select pg_temp.sign_in('patient');
select throws_ok('select api.my_profile()', 'TM102', null, 'a deactivated account is refused');
select pg_temp.sign_in('other_patient');
select lives_ok('select api.my_profile()', 'another one is not');

select * from finish();
rollback;
