begin;
\ir ../helpers/actors.psql
select plan(59);

select '$2b$04$' || repeat('a', 53) as hash \gset
select '$2b$04$' || repeat('a', 52) || 'b' as wrong_hash \gset

-- The permitted path
select pg_temp.sign_in('nobody');
select * from api.log_in('patient@clinic.test', :'hash') \gset
select collect_tap(
    is(:'user_id'::uuid, pg_temp.id_of('patient'), 'a patient logs in'),
    is(:'role'::text, 'patient', 'as a patient'),
    matches(:'refresh_token'::text, '^[A-Za-z0-9_-]{43}$', 'and gets a refresh token of 256 bits'),
    is(:'expires_at'::timestamptz, '2027-02-03 08:00:00+00', 'for a session of 30 days'));
reset role;
select collect_tap(
    is(s.user_id, pg_temp.id_of('patient'), 'the session is theirs'),
    is(s.created_at::timestamptz, '2027-01-04 08:00:00+00', 'it begins now'),
    is(s.revoked_at::timestamptz, null, 'and is not revoked'))
from app.sessions as s where s.id = :'session_id';
select collect_tap(
    is(t.token_hash, sha256(convert_to(:'refresh_token', 'UTF8')),
        'only the hash of the token is stored'),
    is(t.spent_at::timestamptz, null, 'the token is unspent'))
from app.refresh_tokens as t where t.session_id = :'session_id';
select collect_tap(
    is(l.operation, 'INSERT', 'a log-in leaves a trace'),
    is(l.new ->> 'user_id', pg_temp.id_of('patient')::text, 'that says whose'),
    is(l.user_id, pg_temp.id_of('patient'), 'by the patient'),
    is(l.role::text, 'patient', 'as a patient'))
from app.audit_logs as l where l.table_name = 'sessions' and l.row_id = :'session_id';
select is_empty(
    format($$ select id from app.audit_logs where position(%L in concat(old, new)) > 0 $$,
        :'refresh_token'),
    'but has no token in it');
set local role telemed_api;

select is(
    (api.log_in('PATIENT@Clinic.test', :'hash')).user_id, pg_temp.id_of('patient'),
    'an address may be written in capital letters');
select isnt(
    (api.log_in('patient@clinic.test', :'hash')).session_id, :'session_id',
    'each log-in is a session of its own');
select is(
    (api.log_in(v.email, :'hash')).role, v.role, v.sentence)
from (values
    ('doctor@clinic.test', 'doctor', 'a doctor logs in as a doctor'),
    ('admin@clinic.test', 'admin', 'an admin as an admin')) as v (email, role, sentence);
reset role;
select count(*) as sessions from app.sessions \gset
update app.users set deactivated_at = app.clock() where id = pg_temp.id_of('other_patient');
set local role telemed_api;

-- Refusals: always the same
select pg_temp.sign_in('nobody', 'raise');
select throws_ok(
    format('select api.log_in(%L, %L)', v.email, v.password_hash),
    'TM103', 'E-mail address or password is wrong', v.sentence)
from (values
    ('patient@clinic.test', :'wrong_hash', 'a wrong password is refused'),
    ('unknown@clinic.test', :'hash', 'an unknown address in the same words'),
    ('other_patient@clinic.test', :'hash', 'a deactivated account in the same words'),
    ('patient@clinic.test', '', 'no password in the same words'),
    ('patient@clinic.test', null, 'a missing password in the same words'),
    (null, :'hash', 'a missing address in the same words'),
    ('patient@clinic.test', upper(:'hash'), 'the hash is compared letter by letter'),
    ('%@clinic.test', :'hash', 'an address is not a pattern')) as v (email, password_hash,
     sentence);

-- What the REST API hears
select pg_temp.sign_in('nobody', 'remember');
select is(s.session_id, null, 'the REST API gets no session for a wrong password')
from api.log_in('patient@clinic.test', :'wrong_hash') as s;
select is(
    current_setting('app.user_id') || current_setting('app.role'), '',
    'a wrong password makes nobody the caller');
select is(s.session_id, null, 'nor for an unknown address')
from api.log_in('unknown@clinic.test', :'hash') as s;
select is(s.session_id, null, 'nor for a deactivated account')
from api.log_in('other_patient@clinic.test', :'hash') as s;
reset role;
select is(
    (select string_agg(coalesce(l.resource_ids[1]::text, 'none'), ' ' order by l.id)
     from app.access_logs as l
     where l.kind = 'denied' and l.operation = 'log_in' and l.code = 'TM103'),
    concat_ws(' ', pg_temp.id_of('patient'), 'none', pg_temp.id_of('other_patient')),
    'the access log has the account, if there is one');
select is(count(*), :'sessions', 'a refusal begins no session') from app.sessions;
select is(count(*), :'sessions', 'and makes no token') from app.refresh_tokens;

-- Without a second factor
select is(s.second_factor_at::timestamptz, null, 'a log-in with a password alone says so')
from app.sessions as s where s.id = :'session_id';
set local role telemed_api;
select is(
    (api.log_in('doctor@clinic.test', :'hash', 7, 'abc')).role, 'doctor',
    'codes are ignored while there is no second factor');
reset role;
update app.users set mfa_secret = 'a secret' where id = pg_temp.id_of('doctor');
set local role telemed_api;
select is(
    (api.log_in('doctor@clinic.test', :'hash', 7, 'abc')).role, 'doctor',
    'or while it is not confirmed');

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
    'TM105', 'A one-time code is needed', 'a password alone is not enough');
select throws_ok(
    format('select api.log_in(%L, %L, %s, %L)', 'patient@clinic.test', :'hash', v.step, v.code),
    'TM106', 'The one-time code is wrong or has been used', v.sentence)
from (values
    ('null', 'abcdef', 'a wrong code is refused'),
    ('null', '', 'so is an empty one'),
    (:'now_step'::bigint + 3 || '', null, 'and one that comes too early'),
    (:'now_step'::bigint - 3 || '', null, 'or too late'),
    ('9223372036854775807', null, 'or at the end of time')) as v (step, code, sentence);
select throws_ok(
    format('select api.log_in(%L, %L, %s, %L)',
        'patient@clinic.test', :'wrong_hash', v.step, v.code),
    'TM103', 'E-mail address or password is wrong', v.sentence)
from (values
    ('null', null, 'with a wrong password no code is spoken of'),
    (:'now_step', null, 'nor is a right one accepted'),
    ('null', 'abcdef', 'nor a wrong one refused'),
    ('null', (:'codes'::text[])[1], 'nor a recovery code used up')) as v (step, code, sentence);

select pg_temp.sign_in('nobody', 'remember');
select is((api.log_in('patient@clinic.test', :'hash')).session_id, null,
    'the REST API gets no session without a code');
select is((api.log_in('patient@clinic.test', :'hash', null, 'abcdef')).session_id, null,
    'nor with a wrong one');
reset role;
select collect_tap(
    is(current_setting('app.user_id') || current_setting('app.role'), '',
        'a wrong code makes nobody the caller'),
    is((app.proven_context()).user_id, null, 'and proves nothing'),
    is((select count(*) from app.sessions), :'sessions', 'a refusal begins no session'));
set local role telemed_api;

select pg_temp.sign_in('nobody', p_request_id => 'with a code');
select session_id as session_id from api.log_in('patient@clinic.test', :'hash', :now_step) \gset
reset role;
select is(s.second_factor_at::timestamptz, '2027-01-04 08:00:00+00',
    'a session that is begun with a code says so')
from app.sessions as s where s.id = :'session_id';
select is((app.current_actor()).session_id, :'session_id', 'whoever logs in is in their session');
select is(
    array_agg(format('%s %s', l.table_name, l.user_id) order by l.id),
    array[format('users %s', pg_temp.id_of('patient')),
        format('sessions %s', pg_temp.id_of('patient'))],
    'the use of the code leaves a trace that names them')
from app.audit_logs as l where l.request_id = 'with a code';
set local role telemed_api;
select pg_temp.sign_in('nobody', 'raise');
select throws_ok(
    format('select api.log_in(%L, %L, %s)', 'patient@clinic.test', :'hash', :now_step),
    'TM106', null, 'a code is good once');
select isnt((api.log_in('patient@clinic.test', :'hash', :now_step + 1)).session_id, null,
    'the next one is good again');
select pg_temp.sign_in('nobody', 'raise');
select isnt(
    (api.log_in('patient@clinic.test', :'hash', null, (:'codes'::text[])[1])).session_id, null,
    'a recovery code stands in for one');
select throws_ok(
    format('select api.log_in(%L, %L, null, %L)',
        'patient@clinic.test', :'hash', (:'codes'::text[])[1]),
    'TM106', null, 'once');
select isnt(
    (api.log_in('patient@clinic.test', :'hash', null, (:'codes'::text[])[2])).session_id, null,
    'there are others');

select * from finish();
rollback;
