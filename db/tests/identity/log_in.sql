begin;
\ir ../helpers/actors.psql
select plan(33);

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

select * from finish();
rollback;
