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
select is(count(*), 2::bigint, 'activate_user: two accounts are deactivated before the test')
from unnest(array[:'patient', :'doctor']::uuid[]) as closed
cross join lateral api.deactivate_user(closed) as a where a.deactivated_at is not null;

-- Callers without the right
select is(
    pg_temp.refusal(v.actor, format('select api.activate_user(%L)', v.id)), v.refusal, v.sentence)
from (values
    ('patient', :'patient', 'TM102',
     'activate_user: a deactivated user cannot activate their own account'),
    ('other_patient', :'patient', 'TM301', 'activate_user: a patient is refused'),
    ('other_doctor', :'patient', 'TM301', 'activate_user: a doctor is refused'),
    ('nobody', :'patient', 'TM101', 'activate_user: a caller who is not logged in is refused'),
    ('admin', gen_random_uuid()::text, 'TM406', 'activate_user: an unknown account is refused'),
    ('admin', null, 'TM406', 'activate_user: a null id is refused')
) as v (actor, id, refusal, sentence);

-- The permitted path
select pg_temp.sign_in('admin', p_request_id => 'opening');
select collect_tap(
    is(a.id, :'patient', 'activate_user: the answer has the id of the account'),
    is(a.email, 'patient@clinic.test',
        'activate_user: the answer has the e-mail address of the account'),
    is(a.deactivated_at, null, 'activate_user: the account is active afterwards'))
from api.activate_user(:'patient') as a;
select is((api.activate_user(:'patient')).deactivated_at, null,
    'activate_user: an active account stays as it is');
reset role;
select collect_tap(
    is(count(*), 1::bigint,
        'activate_user: two calls for one account leave one row in the audit log'),
    is(min(l.row_id), :'patient', 'activate_user: the audit log names the account'),
    is(min(l.user_id::text), pg_temp.id_of('admin')::text,
        'activate_user: the audit log names the admin'))
from app.audit_logs as l where l.request_id = 'opening';
set local role telemed_api;
select pg_temp.sign_in('nobody');
select is(
    (api.log_in('patient@clinic.test', :'hash')).user_id, :'patient',
    'activate_user: the patient can log in again');
select pg_temp.sign_in('patient');
select pg_temp.in_session(:'session');
select throws_ok(
    'select api.my_profile()', 'TM102', null,
    'activate_user: a session that the deactivation ended stays ended');
select pg_temp.sign_in('admin');
select is((api.activate_user(:'doctor')).role, 'doctor',
    'activate_user: the account of a doctor is activated');
select is(d.id, :'doctor',
    'activate_user: an activated doctor is listed again')
from api.list_doctors() as d where d.id = :'doctor';
reset role;
select is(s.status::text, 'withdrawn',
    'activate_user: slots that the deactivation withdrew stay withdrawn')
from app.availability_slots as s where s.id = :'slot';
select pg_temp.sign_in('doctor');
set local role telemed_api;
select is(
    pg_temp.refusal(
        'doctor', $$ select api.publish_slot('2027-01-06 09:00+00', '2027-01-06 10:00+00') $$),
    null, 'activate_user: an activated doctor can publish slots');

select * from finish();
rollback;
