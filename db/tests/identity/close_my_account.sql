begin;
\ir ../helpers/actors.psql
select plan(26);
select '$2b$04$' || repeat('a', 53) as hash, '$2b$04$' || repeat('c', 53) as wrong_hash \gset
reset role;
select pg_temp.new_session('patient') as session \gset
set local role telemed_api;
select pg_temp.open_slot('doctor', '2027-01-04 09:00:00+00') as begun_slot,
    pg_temp.open_slot('doctor', '2027-01-05 09:00:00+00') as next_slot,
    pg_temp.open_slot('other_doctor', '2027-01-06 09:00:00+00') as later_slot,
    pg_temp.open_slot('doctor', '2027-01-07 09:00:00+00') as foreign_slot \gset
select pg_temp.booking('patient', :'begun_slot') as begun \gset
select pg_temp.booking('patient', :'next_slot') as next \gset
select pg_temp.booking('patient', :'later_slot') as later \gset
select pg_temp.booking('other_patient', :'foreign_slot') as foreign_booking \gset
select token as reset_token from api.request_password_reset('patient@clinic.test') \gset
reset role;
select pg_temp.set_clock('2027-01-04 09:00:00+00');
set local role telemed_api;

-- Refusals
select is(
    pg_temp.refusal(v.actor, format('select api.close_my_account(%L)', v.hash)), v.refusal,
    'close_my_account: ' || v.sentence)
from (values
    ('patient', :'wrong_hash', 'TM220 password', 'a wrong password is refused'),
    ('patient', null, 'TM220 password', 'a null password is refused'),
    ('doctor', :'hash', 'TM301', 'a doctor is refused'),
    ('admin', :'hash', 'TM301', 'an admin is refused'),
    ('nobody', :'hash', 'TM101', 'a caller who is not logged in is refused')
) as v (actor, hash, refusal, sentence);
reset role;
select is(count(*), 4::bigint, 'close_my_account: a refusal cancels nothing')
from app.consultations where status = 'scheduled';
set local role telemed_api;

-- The permitted path
select pg_temp.sign_in('patient', p_request_id => 'close');
select pg_temp.in_session(:'session');
select lives_ok(
    format('select api.close_my_account(%L)', :'hash'),
    'close_my_account: a patient closes their account with the password');
reset role;
select collect_tap(
    is(u.deactivated_at::timestamptz, '2027-01-04 09:00:00+00',
        'close_my_account: the account is deactivated now'),
    is(u.email::text, 'patient@clinic.test',
        'close_my_account: the account is kept with its address'))
from app.users as u where u.id = pg_temp.id_of('patient');
select isnt(s.revoked_at, null, 'close_my_account: the session has ended')
from app.sessions as s where s.id = :'session';
select is(c.status, v.status, 'close_my_account: ' || v.sentence)
from (values
    (:'begun', 'scheduled', 'a consultation that has begun stays for its doctor'),
    (:'next', 'cancelled', 'a consultation that has not begun is cancelled'),
    (:'later', 'cancelled', 'one with another doctor is cancelled as well'),
    (:'foreign_booking', 'scheduled', 'a consultation of another patient stays')
) as v (id, status, sentence)
inner join app.consultations as c on c.id = v.id::uuid;
select collect_tap(
    is(c.cancellation_reason::text, 'The patient has closed the account',
        'close_my_account: the cancellation says why'),
    is(s.status, 'open', 'close_my_account: the slot is open again'))
from app.consultations as c
inner join app.availability_slots as s on s.id = c.slot_id
where c.id = :'next';
select is(count(*), 0::bigint, 'close_my_account: the password reset in force is revoked')
from app.password_resets as r
where r.user_id = pg_temp.id_of('patient') and r.revoked_at is null and r.used_at is null;
select is(count(*), 0::bigint, 'close_my_account: the verification in force is revoked')
from app.email_verifications as v
where v.user_id = pg_temp.id_of('patient') and v.revoked_at is null and v.used_at is null;
select collect_tap(
    is(l.user_id, pg_temp.id_of('patient'), 'close_my_account: the audit log names the patient'),
    is(l.request_id::text, 'close', 'close_my_account: the audit log names the request'))
from app.audit_logs as l
where l.table_name = 'users' and l.row_id = pg_temp.id_of('patient')::text
order by l.id desc limit 1;
set local role telemed_api;

-- Afterwards
select is(pg_temp.refusal('patient', 'select api.my_profile()'), 'TM102',
    'close_my_account: the next call is refused');
select is(
    pg_temp.refusal('nobody', format('select api.log_in(%L, %L)', 'patient@clinic.test', :'hash')),
    'TM103', 'close_my_account: the patient cannot log in');
select is(
    pg_temp.refusal('nobody', format(
        'select api.reset_password(%L, %L)', :'reset_token', :'wrong_hash')),
    'TM222 token', 'close_my_account: the patient cannot reset the password');
select is(
    pg_temp.refusal('nobody', format(
        'select api.sign_up(%L, %L, %L)', 'patient@clinic.test', :'hash', 'Pat Again')),
    'TM911 email', 'close_my_account: the address stays registered');
select is(
    pg_temp.refusal('admin', format('select api.activate_user(%L)', pg_temp.id_of('patient'))),
    null, 'close_my_account: an admin can activate the account again');
select is(
    pg_temp.refusal('nobody', format('select api.log_in(%L, %L)', 'patient@clinic.test', :'hash')),
    null, 'close_my_account: then the patient can log in again');

select * from finish();
rollback;
