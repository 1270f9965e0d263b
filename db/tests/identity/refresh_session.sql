begin;
\ir ../helpers/actors.psql
select plan(42);

select '$2b$04$' || repeat('a', 53) as hash \gset
select pg_temp.sign_in('nobody', 'remember');

-- Rotation
select * from api.log_in('patient@clinic.test', :'hash') \gset
reset role;
select pg_temp.set_clock('2027-01-05 08:00:00+00');
set local role telemed_api;
select user_id as next_user_id, role as next_role, session_id as next_session_id,
    refresh_token as next_token, expires_at as next_expires_at
from api.refresh_session(:'refresh_token') \gset
select collect_tap(
    is(:'next_user_id'::uuid, :'user_id', 'refresh_session: the answer names the same user'),
    is(:'next_role'::text, 'patient', 'refresh_session: the answer has the role of the user'),
    is(:'next_session_id'::uuid, :'session_id',
        'refresh_session: the answer names the same session'),
    isnt(:'next_token'::text, :'refresh_token',
        'refresh_session: the answer has another refresh token'),
    is(:'next_expires_at'::timestamptz, :'expires_at',
        'refresh_session: the answer has the same end of the session'));
reset role;
select is(t.spent_at::timestamptz, '2027-01-05 08:00:00+00',
    'refresh_session: the refresh token is spent now')
from app.refresh_tokens as t where t.token_hash = sha256(convert_to(:'refresh_token', 'UTF8'));
set local role telemed_api;
select session_id as third_session_id, refresh_token as third_token
from api.refresh_session(:'next_token') \gset
select is(:'third_session_id'::uuid, :'session_id',
    'refresh_session: the successor of a refresh token is accepted');

reset role;
set local app.verified_user_id = '';
select is(
    (current_setting('app.user_id'), current_setting('app.role')),
    (pg_temp.id_of('patient')::text, 'patient'::text),
    'refresh_session: the user of the refresh token becomes the actor');
set local role telemed_api;
select pg_temp.sign_in('nobody', 'remember');

-- Another session of the same patient
select session_id as other_session_id, refresh_token as other_token
from api.log_in('patient@clinic.test', :'hash') \gset

-- The reuse interval: a second tab, or a retry
select pg_temp.sign_in('nobody', 'remember');
reset role;
select pg_temp.set_clock('2027-01-05 08:00:09.999+00');
set local role telemed_api;
select collect_tap(
    is(s.refresh_token, :'third_token',
        'refresh_session: a spent refresh token gets the same successor within the reuse interval'),
    is(s.session_id, :'session_id',
        'refresh_session: a spent refresh token gets the same session within the reuse interval'),
    is(s.expires_at, :'expires_at',
        'refresh_session: a spent refresh token gets the same end within the reuse interval'))
from api.refresh_session(:'next_token') as s;
reset role;
select is(
    (select count(*) from app.refresh_tokens where session_id = :'session_id' and spent_at is null),
    1::bigint, 'refresh_session: a spent refresh token leaves one unspent token in its session');
select pg_temp.set_clock('2027-01-05 08:00:00+00');
set local role telemed_api;
select is(
    s.refresh_token, :'third_token',
    'refresh_session: a spent refresh token whose successor is spent gets the present token')
from api.refresh_session(:'refresh_token') as s;
reset role;
select is(
    (select count(*) from app.refresh_tokens where session_id = :'session_id' and spent_at is null),
    1::bigint,
    'refresh_session: a spent refresh token whose successor is spent leaves one unspent token');
select pg_temp.set_clock('2027-01-05 08:00:10+00');
set local role telemed_api;
select pg_temp.sign_in('nobody', 'raise');
select throws_ok(
    format('select api.refresh_session(%L)', :'next_token'),
    'TM104', null,
    'refresh_session: a spent refresh token is refused after the reuse interval of ten seconds');
select throws_ok(
    format('select api.refresh_session(%L)', :'refresh_token'),
    'TM104', null,
    'refresh_session: an even older refresh token is refused after the reuse interval');

-- Reuse after the interval
select pg_temp.sign_in('nobody', 'raise');
select throws_ok(
    format('select api.refresh_session(%L)', :'refresh_token'),
    'TM104', 'The refresh token is not valid: log in again',
    'refresh_session: the refusal of a spent refresh token has the same message as any other');
select pg_temp.sign_in('nobody', 'remember');
select is(s.session_id, null,
    'refresh_session: the REST API gets no session for a spent refresh token')
from api.refresh_session(:'refresh_token') as s;
reset role;
select is(s.revoked_at::timestamptz, '2027-01-05 08:00:10+00',
    'refresh_session: a spent refresh token that comes back revokes its session')
from app.sessions as s where s.id = :'session_id';
select collect_tap(
    is(l.new ->> 'revoked_at', '2027-01-05T08:00:10+00:00',
        'refresh_session: the audit log has the revocation of the session'),
    is(l.user_id, pg_temp.id_of('patient'),
        'refresh_session: the audit log names the user of the revoked session'),
    is(l.role::text, 'patient',
        'refresh_session: the audit log names the role of the user of the revoked session'))
from app.audit_logs as l
where l.table_name = 'sessions' and l.row_id = :'session_id' and l.operation = 'UPDATE';
set local role telemed_api;
select throws_ok(
    format('select api.refresh_session(%L)', :'third_token'),
    'TM104', null, 'refresh_session: the newest refresh token of a revoked session is refused');
select throws_ok(
    format('select api.refresh_session(%L)', :'next_token'),
    'TM104', null, 'refresh_session: an older refresh token of a revoked session is refused');
reset role;
select is(t.spent_at::timestamptz, null,
    'refresh_session: the refused refresh token of a revoked session stays unspent')
from app.refresh_tokens as t where t.token_hash = sha256(convert_to(:'third_token', 'UTF8'));
set local role telemed_api;
select is(s.session_id, :'other_session_id',
    'refresh_session: another session of the same user can still be refreshed')
from api.refresh_session(:'other_token') as s;

-- Unknown tokens
select pg_temp.sign_in('nobody', 'remember');
select throws_ok(
    format('select api.refresh_session(%L)', v.token),
    'TM104', 'The refresh token is not valid: log in again', v.sentence)
from (values
    ('AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA',
     'refresh_session: an invented refresh token is refused'),
    ('', 'refresh_session: an empty refresh token is refused'),
    (null, 'refresh_session: a null refresh token is refused'),
    (upper(:'third_token'), 'refresh_session: a refresh token in capital letters is refused'),
    (repeat('a', 1000000), 'refresh_session: a refresh token of 1,000,000 characters is refused'))
    as v (token, sentence);
select is(
    current_setting('app.user_id') || current_setting('app.role'), '',
    'refresh_session: an unknown refresh token leaves the transaction without an actor');

-- The end of a session
select session_id as session_id, refresh_token as refresh_token, expires_at
from api.log_in('patient@clinic.test', :'hash') \gset
reset role;
select pg_temp.set_clock(:'expires_at'::timestamptz - interval '1 microsecond');
set local role telemed_api;
select refresh_token as last_token, expires_at as last_expires_at
from api.refresh_session(:'refresh_token') \gset
select is(:'last_expires_at'::timestamptz, :'expires_at',
    'refresh_session: a session can be refreshed until its end');
reset role;
select pg_temp.set_clock(:'expires_at');
set local role telemed_api;
select throws_ok(
    format('select api.refresh_session(%L)', :'last_token'),
    'TM104', null, 'refresh_session: a session cannot be refreshed at its end');
reset role;
select is(s.revoked_at::timestamptz, null,
    'refresh_session: a refresh at the end of a session does not revoke it')
from app.sessions as s where s.id = :'session_id';
set local role telemed_api;

-- A session after its log-out
select session_id, refresh_token from api.log_in('doctor@clinic.test', :'hash') \gset
select pg_temp.sign_in('doctor', 'remember');
select api.log_out(p_session_id => :'session_id') \g /dev/null
select pg_temp.sign_in('nobody', 'remember');
select throws_ok(
    format('select api.refresh_session(%L)', :'refresh_token'),
    'TM104', null, 'refresh_session: a refresh token is refused after the log-out');

-- A deactivated user
select session_id, refresh_token from api.log_in('other_patient@clinic.test', :'hash') \gset
reset role;
update app.users set deactivated_at = app.clock() where id = pg_temp.id_of('other_patient');
set local role telemed_api;
select pg_temp.sign_in('nobody', 'remember');
select throws_ok(
    format('select api.refresh_session(%L)', :'refresh_token'),
    'TM104', 'The refresh token is not valid: log in again',
    'refresh_session: a deactivated user is refused');
reset role;
select isnt(s.revoked_at::timestamptz, null,
    'refresh_session: the session of a deactivated user is revoked')
from app.sessions as s where s.id = :'session_id';
update app.users set deactivated_at = null where id = pg_temp.id_of('other_patient');
set local role telemed_api;
select throws_ok(
    format('select api.refresh_session(%L)', :'refresh_token'),
    'TM104', null,
    'refresh_session: a session that the deactivation ended is refused after the activation');

-- A user whose role has changed
select session_id, refresh_token from api.log_in('other_patient@clinic.test', :'hash') \gset
reset role;
update app.users set role = 'admin' where id = pg_temp.id_of('other_patient');
set local role telemed_api;
select throws_ok(
    format('select api.refresh_session(%L)', :'refresh_token'),
    'TM104', null, 'refresh_session: a user whose role has changed is refused');

-- Tokens in the table
select throws_ok(
    'select * from app.refresh_tokens', '42501', null,
    'refresh_session: the REST API cannot read refresh tokens');
reset role;
select is_empty(
    $$
    select session_id from app.refresh_tokens
    where spent_at is null group by session_id having count(*) > 1
    $$,
    'refresh_session: no session has two unspent refresh tokens');

select * from finish();
rollback;
