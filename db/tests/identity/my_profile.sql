begin;
\ir ../helpers/actors.psql
select plan(12);

select pg_temp.sign_in('patient');
select collect_tap(
    is(u.id, pg_temp.id_of('patient'), 'my_profile: the answer has the id of the caller'),
    is(u.email, 'patient@clinic.test',
        'my_profile: the answer has the e-mail address of the caller'),
    is(u.role, 'patient', 'my_profile: the answer has the role of the caller'),
    is(u.full_name, 'Patient patient', 'my_profile: the answer has the name of the caller'))
from api.my_profile() as u;
select pg_temp.sign_in('doctor');
select is(u.role, 'doctor', 'my_profile: a doctor gets their own profile')
from api.my_profile() as u;
select pg_temp.sign_in('admin');
select is(u.role, 'admin', 'my_profile: an admin gets their own profile')
from api.my_profile() as u;
select is(
    (select array_agg(k order by k) from jsonb_object_keys(to_jsonb(api.my_profile())) as k),
    '{created_at,date_of_birth,email,email_verified_at,full_name,id,language,mfa_confirmed_at,phone,'
    'role,time_zone}',
    'my_profile: the answer has no other field, so no secret');

select pg_temp.sign_in('nobody');
select throws_ok(
    'select api.my_profile()', 'TM101', null,
    'my_profile: a caller who is not logged in is refused');
select pg_temp.sign_in('patient');
set local app.role = 'admin';
select throws_ok(
    'select api.my_profile()', 'TM101', null,
    'my_profile: a context whose role was changed is refused');
select pg_temp.sign_in('patient');
select set_config('app.user_id', gen_random_uuid()::text, true) \g /dev/null
select throws_ok(
    'select api.my_profile()', 'TM101', null,
    'my_profile: a context whose user was changed is refused');
select pg_temp.sign_in('nobody');
reset role;
update app.users set deactivated_at = app.clock() where id = pg_temp.id_of('patient');
set local role telemed_api;
select pg_temp.sign_in('patient');
select throws_ok('select api.my_profile()', 'TM102', null,
    'my_profile: a deactivated user is refused');
select pg_temp.sign_in('other_patient');
select lives_ok('select api.my_profile()', 'my_profile: another user is accepted at the same time');

select * from finish();
rollback;
