begin;
\ir ../helpers/actors.psql
select plan(40);

select '$2b$04$' || repeat('a', 53) as hash, pg_temp.id_of('patient') as patient,
    pg_temp.id_of('doctor') as doctor, pg_temp.id_of('admin') as admin \gset
reset role;
select pg_temp.sign_in('nobody');
select id as colleague
from ops.create_admin('colleague@clinic.test', :'hash', 'Carl Colleague') \gset
select pg_temp.new_session('patient') as session \gset
select pg_temp.open_slot('doctor', '2027-01-05 09:00:00+00') as slot \gset
select pg_temp.open_slot('doctor', '2027-01-05 10:00:00+00') as booked_slot \gset
select pg_temp.open_slot('other_doctor', '2027-01-05 09:00:00+00') as other_slot \gset
set local role telemed_api;
select pg_temp.booking('patient', :'booked_slot') as booking \gset

-- Who may not
select is(
    pg_temp.refusal(v.actor, format('select api.deactivate_user(%L)', v.id)), v.refusal, v.sentence)
from (values
    ('patient', :'patient', 'TM301', 'a patient does not close an account, not even their own'),
    ('doctor', :'patient', 'TM301', 'nor does a doctor'),
    ('nobody', :'patient', 'TM101', 'nobody does without signing in'),
    ('admin', :'admin', 'TM920', 'an admin does not close their own'),
    ('admin', gen_random_uuid()::text, 'TM406', 'an account that does not exist cannot be closed'),
    ('admin', null, 'TM406', 'nor can none')
) as v (actor, id, refusal, sentence);

-- A patient
select pg_temp.sign_in('admin', p_request_id => 'closing');
select collect_tap(
    is(a.id, :'patient', 'an admin closes the account of a patient'),
    is(a.email, 'patient@clinic.test', 'and sees whose it is'),
    is(a.role, 'patient', 'in which role'),
    is(a.full_name, 'Patient patient', 'with the name'),
    is(a.deactivated_at, '2027-01-04 08:00:00+00', 'and since when it is closed'),
    is(a.booked_consultation_ids, array[:'booking']::uuid[], 'with what is still booked'),
    is(a.cancelled_consultation_ids, '{}', 'of which nothing was cancelled'))
from api.deactivate_user(:'patient') as a;
select is(
    pg_temp.refusal('patient', 'select api.my_profile()'), 'TM102', 'the patient is out at once');
select is(
    pg_temp.refusal('nobody', format('select api.log_in(%L, %L)', 'patient@clinic.test', :'hash')),
    'TM103', 'and cannot log in');
reset role;
select is(s.revoked_at::timestamptz, '2027-01-04 08:00:00+00', 'every session has ended')
from app.sessions as s where s.id = :'session';
select collect_tap(
    is(l.row_id, :'patient', 'it leaves a trace'),
    is(l.user_id, :'admin', 'of the admin'),
    is(l.role::text, 'admin', 'as an admin'),
    is(l.new ->> 'deactivated_at', '2027-01-04T08:00:00+00:00', 'with the time'))
from app.audit_logs as l where l.table_name = 'users' and l.request_id = 'closing';
select is(c.status::text, 'scheduled', 'what is booked stands')
from app.consultations as c where c.id = :'booking';

-- Once more
select pg_temp.set_clock('2027-01-04 09:00:00+00');
set local role telemed_api;
select pg_temp.sign_in('admin', p_request_id => 'again');
select is(
    (api.deactivate_user(:'patient')).deactivated_at, '2027-01-04 08:00:00+00',
    'to close it again changes nothing');
reset role;
select is_empty(
    $$ select id from app.audit_logs where request_id = 'again' $$, 'and leaves no trace');
set local role telemed_api;

-- A doctor
select is(
    (api.deactivate_user(:'doctor')).deactivated_at, '2027-01-04 09:00:00+00',
    'an admin closes the account of a doctor');
select is(pg_temp.refusal('doctor', 'select api.my_profile()'), 'TM102', 'who is out at once');
reset role;
select is(
    array_agg(s.status::text order by s.starts_at, s.doctor_id = :'doctor' desc),
    '{withdrawn,open,booked}',
    'the doctor''s open slots are withdrawn; those of others, and what is booked, stand')
from app.availability_slots as s;
set local role telemed_api;
select pg_temp.sign_in('admin');
select is_empty(
    format('select id from api.list_doctors() where id = %L', :'doctor'),
    'nobody finds the doctor any more');

-- With their consultations
reset role;
update app.users set deactivated_at = null where id in (:'patient', :'doctor');
select pg_temp.set_clock('2027-01-04 08:00:00+00');
select pg_temp.open_slot('doctor', '2027-01-05 12:00:00+00') as slot_2 \gset
select pg_temp.open_slot('doctor', '2027-01-05 11:00:00+00') as slot_1 \gset
select pg_temp.open_slot('doctor', '2027-01-04 08:01:00+00') as past_slot \gset
select pg_temp.open_slot('other_doctor', '2027-01-05 13:00:00+00') as slot_3 \gset
set local role telemed_api;
select pg_temp.booking('other_patient', :'slot_2') as second \gset
select pg_temp.booking('patient', :'slot_1') as first \gset
select pg_temp.booking('other_patient', :'past_slot') as past \gset
select pg_temp.booking('other_patient', :'slot_3') as of_colleague \gset
reset role;
select pg_temp.set_clock('2027-01-04 09:00:00+00');
set local role telemed_api;
select pg_temp.sign_in('admin');
select is(
    a.booked_consultation_ids, array[:'past', :'booking', :'first', :'second']::uuid[],
    'the consultations of a doctor that are booked are named, the earliest first')
from api.deactivate_user(:'doctor') as a;
select collect_tap(
    is(
        a.cancelled_consultation_ids, array[:'booking', :'first', :'second']::uuid[],
        'they are cancelled on request, also when the account is closed already'),
    is(a.booked_consultation_ids, array[:'past']::uuid[], 'but for what is over'))
from api.deactivate_user(:'doctor', true, 'The doctor has left') as a;
select is(
    (c.status, c.cancellation_reason), ('cancelled'::text, 'The doctor has left'::text),
    'with the reason')
from api.get_consultation(:'first') as c;
reset role;
select is(
    array_agg(distinct s.status::text), '{booked,withdrawn}',
    'no slot of the doctor is offered again')
from app.availability_slots as s
where s.doctor_id = :'doctor';
set local role telemed_api;
select is(
    (api.deactivate_user(pg_temp.id_of('other_patient'), true)).cancelled_consultation_ids,
    array[:'of_colleague']::uuid[], 'those of a patient who leaves are cancelled, too');
reset role;
select is(s.status::text, 'open', 'and their slot is open again')
from app.availability_slots as s where s.id = :'slot_3';
select is_empty(
    $$
    select name from ops.check_invariants()
    -- The test publishes slots and closes accounts by hand.
    where violations > 0 and name <> 'the_newest_version_of_a_row_has_its_audit_row'
    $$,
    'what must always hold does');
set local role telemed_api;

-- Admins
reset role;
select pg_temp.new_session('admin') as admin_session \gset
set local role telemed_api;
select is(
    (api.deactivate_user(:'colleague')).role, 'admin', 'an admin closes the account of a colleague');
reset role;
update app.users set deactivated_at = null where id = :'colleague';
select app.set_actor(:'colleague', 'admin') \g /dev/null
set local role telemed_api;
select is(
    (api.deactivate_user(:'admin')).id, :'admin', 'who could have been faster');
select is(
    pg_temp.refusal('admin', format('select api.deactivate_user(%L)', :'colleague')), 'TM102',
    'then it is too late to return it');
reset role;
select is(count(*), 1::bigint, 'one admin is always left')
from app.users as u where u.role = 'admin' and u.deactivated_at is null;
set local role telemed_auditor;
select throws_ok(
    format('select api.deactivate_user(%L)', :'colleague'), '42501', null,
    'an auditor closes no account');

select * from finish();
rollback;
