begin;
\ir ../helpers/actors.psql
select plan(59);

select '$2b$04$' || repeat('a', 53) as hash \gset
select '$2b$04$' || repeat('a', 52) || 'b' as wrong_hash \gset

-- The permitted path
select pg_temp.sign_in('nobody');
select * from api.log_in('patient@clinic.test', :'hash') \gset
select collect_tap(
    is(:'user_id'::uuid, pg_temp.id_of('patient'), 'log_in: the answer names the patient'),
    is(:'role'::text, 'patient', 'log_in: the answer has the role of the patient'),
    matches(:'refresh_token'::text, '^[A-Za-z0-9_-]{43}$',
        'log_in: the answer has a refresh token of 256 bits'),
    is(:'expires_at'::timestamptz, '2027-02-03 08:00:00+00', 'log_in: the session lasts 30 days'));
reset role;
select collect_tap(
    is(s.user_id, pg_temp.id_of('patient'), 'log_in: the session belongs to the patient'),
    is(s.created_at::timestamptz, '2027-01-04 08:00:00+00', 'log_in: the session begins now'),
    is(s.revoked_at::timestamptz, null, 'log_in: the session is not revoked'))
from app.sessions as s where s.id = :'session_id';
select collect_tap(
    is(t.token_hash, sha256(convert_to(:'refresh_token', 'UTF8')),
        'log_in: the refresh token is stored as its hash alone'),
    is(t.spent_at::timestamptz, null, 'log_in: the refresh token is unspent'))
from app.refresh_tokens as t where t.session_id = :'session_id';
select collect_tap(
    is(l.operation, 'INSERT', 'log_in: the audit log has the new session'),
    is(l.new ->> 'user_id', pg_temp.id_of('patient')::text,
        'log_in: the audit log has the user of the session'),
    is(l.user_id, pg_temp.id_of('patient'), 'log_in: the audit log names the patient as the actor'),
    is(l.role::text, 'patient', 'log_in: the audit log names the role of the patient'))
from app.audit_logs as l where l.table_name = 'sessions' and l.row_id = :'session_id';
select is_empty(
    format($$ select id from app.audit_logs where position(%L in concat(old, new)) > 0 $$,
        :'refresh_token'),
    'log_in: the audit log does not hold the refresh token');
set local role telemed_api;

select is(
    (api.log_in('PATIENT@Clinic.test', :'hash')).user_id, pg_temp.id_of('patient'),
    'log_in: the case of the e-mail address does not matter');
select isnt(
    (api.log_in('patient@clinic.test', :'hash')).session_id, :'session_id',
    'log_in: each log-in begins a session of its own');
select is(
    (api.log_in(v.email, :'hash')).role, v.role, v.sentence)
from (values
    ('doctor@clinic.test', 'doctor', 'log_in: a doctor can log in'),
    ('admin@clinic.test', 'admin', 'log_in: an admin can log in')) as v (email, role, sentence);
reset role;
select count(*) as sessions from app.sessions \gset
update app.users set deactivated_at = app.clock() where id = pg_temp.id_of('other_patient');
set local role telemed_api;

-- Refusals: always the same message
select pg_temp.sign_in('nobody', 'raise');
select throws_ok(
    format('select api.log_in(%L, %L)', v.email, v.password_hash),
    'TM103', 'E-mail address or password is wrong', v.sentence)
from (values
    ('patient@clinic.test', :'wrong_hash', 'log_in: a wrong password is refused'),
    ('unknown@clinic.test', :'hash',
     'log_in: an unknown e-mail address is refused with the same message'),
    ('other_patient@clinic.test', :'hash',
     'log_in: a deactivated account is refused with the same message'),
    ('patient@clinic.test', '', 'log_in: an empty password is refused with the same message'),
    ('patient@clinic.test', null, 'log_in: a null password is refused with the same message'),
    (null, :'hash', 'log_in: a null e-mail address is refused with the same message'),
    ('patient@clinic.test', upper(:'hash'), 'log_in: the case of the password hash matters'),
    ('%@clinic.test', :'hash',
     'log_in: a percent sign in the e-mail address is not a pattern')) as v (email, password_hash,
     sentence);

-- Refusals that are committed, as for the REST API
select pg_temp.sign_in('nobody', 'remember');
select is(s.session_id, null, 'log_in: the REST API gets no session for a wrong password')
from api.log_in('patient@clinic.test', :'wrong_hash') as s;
select is(
    current_setting('app.user_id') || current_setting('app.role'), '',
    'log_in: a wrong password leaves the transaction without an actor');
select is(s.session_id, null, 'log_in: the REST API gets no session for an unknown e-mail address')
from api.log_in('unknown@clinic.test', :'hash') as s;
select is(s.session_id, null, 'log_in: the REST API gets no session for a deactivated account')
from api.log_in('other_patient@clinic.test', :'hash') as s;
reset role;
select is(
    (select string_agg(coalesce(l.resource_ids[1]::text, 'none'), ' ' order by l.id)
     from app.access_logs as l
     where l.kind = 'denied' and l.operation = 'log_in' and l.code = 'TM103'),
    concat_ws(' ', pg_temp.id_of('patient'), 'none', pg_temp.id_of('other_patient')),
    'log_in: the access log has every committed refusal, with the account if it exists');
select is(count(*), :'sessions', 'log_in: a refusal begins no session') from app.sessions;
select is(count(*), :'sessions',
    'log_in: a refusal issues no refresh token') from app.refresh_tokens;

-- Without a second factor
select is(s.second_factor_at::timestamptz, null,
    'log_in: a session that begins with a password alone has no second factor')
from app.sessions as s where s.id = :'session_id';
set local role telemed_api;
select is(
    (api.log_in('doctor@clinic.test', :'hash', 7, 'abc')).role, 'doctor',
    'log_in: codes are ignored while the account has no second factor');
reset role;
update app.users set mfa_secret = 'a secret' where id = pg_temp.id_of('doctor');
set local role telemed_api;
select is(
    (api.log_in('doctor@clinic.test', :'hash', 7, 'abc')).role, 'doctor',
    'log_in: codes are ignored while the second factor is not confirmed');

-- With a second factor
reset role;
select floor(extract(epoch from app.clock()) / 30)::bigint as now_step \gset
update app.users set mfa_secret = 'a secret', mfa_confirmed_at = app.clock()
where id = pg_temp.id_of('patient');
select app.issue_recovery_codes(pg_temp.id_of('patient')) as codes \gset
select count(*) as sessions from app.sessions \gset
set local role telemed_api;
select pg_temp.sign_in('nobody', 'raise');
select throws_ok(
    format('select api.log_in(%L, %L)', 'patient@clinic.test', :'hash'),
    'TM105', 'A one-time code is needed',
    'log_in: a password alone is refused when the account has a second factor');
select throws_ok(
    format('select api.log_in(%L, %L, %s, %L)', 'patient@clinic.test', :'hash', v.step, v.code),
    'TM106', 'The one-time code is wrong or has been used', v.sentence)
from (values
    ('null', 'abcdef', 'log_in: a wrong recovery code is refused'),
    ('null', '', 'log_in: an empty recovery code is refused'),
    (:'now_step'::bigint + 3 || '', null, 'log_in: a time step 90 seconds ahead is refused'),
    (:'now_step'::bigint - 3 || '', null, 'log_in: a time step of 90 seconds ago is refused'),
    ('9223372036854775807', null,
     'log_in: the greatest possible time step is refused')) as v (step, code, sentence);
select throws_ok(
    format('select api.log_in(%L, %L, %s, %L)',
        'patient@clinic.test', :'wrong_hash', v.step, v.code),
    'TM103', 'E-mail address or password is wrong', v.sentence)
from (values
    ('null', null, 'log_in: a wrong password without a code is refused as a wrong password'),
    (:'now_step', null,
     'log_in: a wrong password with a right one-time code is refused as a wrong password'),
    ('null', 'abcdef', 'log_in: a wrong password with a wrong code is refused as a wrong password'),
    ('null', (:'codes'::text[])[1],
     'log_in: a wrong password with a right recovery code is refused as a wrong password'))
as v (step, code, sentence);

select pg_temp.sign_in('nobody', 'remember');
select is((api.log_in('patient@clinic.test', :'hash')).session_id, null,
    'log_in: the REST API gets no session for a password without a code');
select is((api.log_in('patient@clinic.test', :'hash', null, 'abcdef')).session_id, null,
    'log_in: the REST API gets no session for a wrong code');
reset role;
select collect_tap(
    is(current_setting('app.user_id') || current_setting('app.role'), '',
        'log_in: a wrong code leaves the transaction without an actor'),
    is((app.proven_context()).user_id, null,
        'log_in: a wrong code leaves a context without a user'),
    is((select count(*) from app.sessions), :'sessions', 'log_in: a wrong code begins no session'));
set local role telemed_api;

select pg_temp.sign_in('nobody', p_request_id => 'with a code');
select session_id as session_id from api.log_in('patient@clinic.test', :'hash', :now_step) \gset
reset role;
select is(s.second_factor_at::timestamptz, '2027-01-04 08:00:00+00',
    'log_in: a session that begins with a one-time code has the second factor')
from app.sessions as s where s.id = :'session_id';
select is((app.current_actor()).session_id, :'session_id',
    'log_in: the actor of the transaction is in the new session');
select is(
    array_agg(format('%s %s', l.table_name, l.user_id) order by l.id),
    array[format('users %s', pg_temp.id_of('patient')),
        format('sessions %s', pg_temp.id_of('patient'))],
    'log_in: the audit log names the user of the one-time code')
from app.audit_logs as l where l.request_id = 'with a code';
set local role telemed_api;
select pg_temp.sign_in('nobody', 'raise');
select throws_ok(
    format('select api.log_in(%L, %L, %s)', 'patient@clinic.test', :'hash', :now_step),
    'TM106', null, 'log_in: a one-time code is refused the second time');
select isnt((api.log_in('patient@clinic.test', :'hash', :now_step + 1)).session_id, null,
    'log_in: the next one-time code is accepted');
select pg_temp.sign_in('nobody', 'raise');
select isnt(
    (api.log_in('patient@clinic.test', :'hash', null, (:'codes'::text[])[1])).session_id, null,
    'log_in: a recovery code is accepted in the place of a one-time code');
select throws_ok(
    format('select api.log_in(%L, %L, null, %L)',
        'patient@clinic.test', :'hash', (:'codes'::text[])[1]),
    'TM106', null, 'log_in: a recovery code is refused the second time');
select isnt(
    (api.log_in('patient@clinic.test', :'hash', null, (:'codes'::text[])[2])).session_id, null,
    'log_in: another recovery code is accepted');

select * from finish();
rollback;
