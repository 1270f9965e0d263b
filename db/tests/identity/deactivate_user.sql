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

-- Callers without the right
select is(
    pg_temp.refusal(v.actor, format('select api.deactivate_user(%L)', v.id)), v.refusal, v.sentence)
from (values
    ('patient', :'patient', 'TM301',
     'deactivate_user: a patient cannot deactivate their own account'),
    ('doctor', :'patient', 'TM301', 'deactivate_user: a doctor is refused'),
    ('nobody', :'patient', 'TM101', 'deactivate_user: a caller who is not logged in is refused'),
    ('admin', :'admin', 'TM920', 'deactivate_user: an admin cannot deactivate their own account'),
    ('admin', gen_random_uuid()::text, 'TM406', 'deactivate_user: an unknown account is refused'),
    ('admin', null, 'TM406', 'deactivate_user: a null id is refused')
) as v (actor, id, refusal, sentence);

-- A patient
select pg_temp.sign_in('admin', p_request_id => 'closing');
select collect_tap(
    is(a.id, :'patient', 'deactivate_user: the answer has the id of the account'),
    is(a.email, 'patient@clinic.test',
        'deactivate_user: the answer has the e-mail address of the account'),
    is(a.role, 'patient', 'deactivate_user: the answer has the role of the account'),
    is(a.full_name, 'Patient patient', 'deactivate_user: the answer has the name of the user'),
    is(a.deactivated_at, '2027-01-04 08:00:00+00',
        'deactivate_user: the account is deactivated from now on'),
    is(a.booked_consultation_ids, array[:'booking']::uuid[],
        'deactivate_user: the answer names the consultation that stays booked'),
    is(a.cancelled_consultation_ids, '{}',
        'deactivate_user: nothing is cancelled unless the admin asks for it'))
from api.deactivate_user(:'patient') as a;
select is(
    pg_temp.refusal('patient', 'select api.my_profile()'), 'TM102',
    'deactivate_user: the next request of the patient is refused');
select is(
    pg_temp.refusal('nobody', format('select api.log_in(%L, %L)', 'patient@clinic.test', :'hash')),
    'TM103', 'deactivate_user: the patient cannot log in');
reset role;
select is(s.revoked_at::timestamptz, '2027-01-04 08:00:00+00',
    'deactivate_user: every session of the patient has ended')
from app.sessions as s where s.id = :'session';
select collect_tap(
    is(l.row_id, :'patient', 'deactivate_user: the audit log names the account'),
    is(l.user_id, :'admin', 'deactivate_user: the audit log names the admin'),
    is(l.role::text, 'admin', 'deactivate_user: the audit log names the role of the admin'),
    is(l.new ->> 'deactivated_at', '2027-01-04T08:00:00+00:00',
        'deactivate_user: the audit log has the time of the deactivation'))
from app.audit_logs as l where l.table_name = 'users' and l.request_id = 'closing';
select is(c.status::text, 'scheduled', 'deactivate_user: a booked consultation stays scheduled')
from app.consultations as c where c.id = :'booking';

-- A second deactivation
select pg_temp.set_clock('2027-01-04 09:00:00+00');
set local role telemed_api;
select pg_temp.sign_in('admin', p_request_id => 'again');
select is(
    (api.deactivate_user(:'patient')).deactivated_at, '2027-01-04 08:00:00+00',
    'deactivate_user: a deactivated account keeps its time of deactivation');
reset role;
select is_empty(
    $$ select id from app.audit_logs where request_id = 'again' $$,
    'deactivate_user: a second deactivation leaves no row in the audit log');
set local role telemed_api;

-- A doctor
select is(
    (api.deactivate_user(:'doctor')).deactivated_at, '2027-01-04 09:00:00+00',
    'deactivate_user: the account of a doctor is deactivated');
select is(pg_temp.refusal('doctor', 'select api.my_profile()'), 'TM102',
    'deactivate_user: the next request of the doctor is refused');
reset role;
select is(
    array_agg(s.status::text order by s.starts_at, s.doctor_id = :'doctor' desc),
    '{withdrawn,open,booked}',
    'deactivate_user: only the open slots of the deactivated doctor are withdrawn')
from app.availability_slots as s;
set local role telemed_api;
select pg_temp.sign_in('admin');
select is_empty(
    format('select id from api.list_doctors() where id = %L', :'doctor'),
    'deactivate_user: a deactivated doctor is not listed');

-- With consultations
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
    'deactivate_user: the booked consultations of a doctor are named in the order of their start')
from api.deactivate_user(:'doctor') as a;
select collect_tap(
    is(
        a.cancelled_consultation_ids, array[:'booking', :'first', :'second']::uuid[],
        'deactivate_user: a second call can cancel the consultations that are not over'),
    is(a.booked_consultation_ids, array[:'past']::uuid[],
        'deactivate_user: a consultation that is over is not cancelled'))
from api.deactivate_user(:'doctor', true, 'The doctor has left') as a;
select is(
    (c.status, c.cancellation_reason), ('cancelled'::text, 'The doctor has left'::text),
    'deactivate_user: a cancelled consultation has the given reason')
from api.get_consultation(:'first') as c;
reset role;
select is(
    array_agg(distinct s.status::text), '{booked,withdrawn}',
    'deactivate_user: no slot of a deactivated doctor is open after the cancellation')
from app.availability_slots as s
where s.doctor_id = :'doctor';
set local role telemed_api;
select is(
    (api.deactivate_user(pg_temp.id_of('other_patient'), true)).cancelled_consultation_ids,
    array[:'of_colleague']::uuid[],
    'deactivate_user: the consultations of a patient are cancelled on request');
reset role;
select is(s.status::text, 'open',
    'deactivate_user: the slot of a cancelled consultation of a patient is open again')
from app.availability_slots as s where s.id = :'slot_3';
select is_empty(
    $$
    select name from ops.check_invariants()
    -- The fixtures publish slots and deactivate accounts without their audit rows.
    where violations > 0 and name <> 'the_newest_version_of_a_row_has_its_audit_row'
    $$,
    'deactivate_user: no other invariant than that of the audit rows is violated afterwards');
set local role telemed_api;

-- Admins
reset role;
select pg_temp.new_session('admin') as admin_session \gset
set local role telemed_api;
select is(
    (api.deactivate_user(:'colleague')).role, 'admin',
    'deactivate_user: an admin deactivates a colleague');
reset role;
update app.users set deactivated_at = null where id = :'colleague';
select app.set_actor(:'colleague', 'admin') \g /dev/null
set local role telemed_api;
select is(
    (api.deactivate_user(:'admin')).id, :'admin',
    'deactivate_user: the colleague, once active again, deactivates the admin');
select is(
    pg_temp.refusal('admin', format('select api.deactivate_user(%L)', :'colleague')), 'TM102',
    'deactivate_user: a deactivated admin cannot deactivate the colleague in return');
reset role;
select is(count(*), 1::bigint, 'deactivate_user: one admin stays active')
from app.users as u where u.role = 'admin' and u.deactivated_at is null;
set local role telemed_auditor;
select throws_ok(
    format('select api.deactivate_user(%L)', :'colleague'), '42501', null,
    'deactivate_user: an auditor cannot call it');

select * from finish();
rollback;
