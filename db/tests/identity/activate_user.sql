begin;
\ir ../helpers/actors.psql
select plan(20);

select '$2b$04$' || repeat('a', 53) as hash, pg_temp.id_of('patient') as patient,
    pg_temp.id_of('doctor') as doctor \gset
reset role;
select pg_temp.new_session('patient') as session \gset
select pg_temp.open_slot('doctor', '2027-01-05 09:00:00+00') as slot \gset
set local role telemed_api;
select pg_temp.sign_in('admin');
select is(count(*), 2::bigint, 'two accounts are closed')
from unnest(array[:'patient', :'doctor']::uuid[]) as closed
cross join lateral api.deactivate_user(closed) as a where a.deactivated_at is not null;

-- Who may not
select is(
    pg_temp.refusal(v.actor, format('select api.activate_user(%L)', v.id)), v.refusal, v.sentence)
from (values
    ('patient', :'patient', 'TM102', 'whose account is closed does not open it'),
    ('other_patient', :'patient', 'TM301', 'a patient opens no account'),
    ('other_doctor', :'patient', 'TM301', 'nor does a doctor'),
    ('nobody', :'patient', 'TM101', 'nobody does without signing in'),
    ('admin', gen_random_uuid()::text, 'TM406', 'an account that does not exist cannot be opened'),
    ('admin', null, 'TM406', 'nor can none')
) as v (actor, id, refusal, sentence);

-- The permitted path
select pg_temp.sign_in('admin', p_request_id => 'opening');
select collect_tap(
    is(a.id, :'patient', 'an admin opens an account again'),
    is(a.email, 'patient@clinic.test', 'and sees whose it is'),
    is(a.deactivated_at, null, 'and that it is open'))
from api.activate_user(:'patient') as a;
select is((api.activate_user(:'patient')).deactivated_at, null, 'to open it again changes nothing');
reset role;
select collect_tap(
    is(count(*), 1::bigint, 'it leaves one trace'),
    is(min(l.row_id), :'patient', 'of the account'),
    is(min(l.user_id::text), pg_temp.id_of('admin')::text, 'by the admin'))
from app.audit_logs as l where l.request_id = 'opening';
set local role telemed_api;
select pg_temp.sign_in('nobody');
select is(
    (api.log_in('patient@clinic.test', :'hash')).user_id, :'patient', 'the patient logs in again');
select pg_temp.sign_in('patient');
select pg_temp.in_session(:'session');
select throws_ok(
    'select api.my_profile()', 'TM102', null, 'a session from before does not come back');
select pg_temp.sign_in('admin');
select is((api.activate_user(:'doctor')).role, 'doctor', 'a doctor is opened again');
select is(d.id, :'doctor', 'and found again') from api.list_doctors() as d where d.id = :'doctor';
reset role;
select is(s.status::text, 'withdrawn', 'slots that were withdrawn stay so')
from app.availability_slots as s where s.id = :'slot';
select pg_temp.sign_in('doctor');
set local role telemed_api;
select is(
    pg_temp.refusal(
        'doctor', $$ select api.publish_slot('2027-01-06 09:00+00', '2027-01-06 10:00+00') $$),
    null, 'the doctor offers new ones');

select * from finish();
rollback;
