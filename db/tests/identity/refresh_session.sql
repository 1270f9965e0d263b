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
    is(:'next_user_id'::uuid, :'user_id', 'a refresh token goes on for the same user'),
    is(:'next_role'::text, 'patient', 'in their role'),
    is(:'next_session_id'::uuid, :'session_id', 'in the same session'),
    isnt(:'next_token'::text, :'refresh_token', 'with another token'),
    is(:'next_expires_at'::timestamptz, :'expires_at', 'to the same end'));
reset role;
select is(t.spent_at::timestamptz, '2027-01-05 08:00:00+00', 'the token is spent')
from app.refresh_tokens as t where t.token_hash = sha256(convert_to(:'refresh_token', 'UTF8'));
set local role telemed_api;
select session_id as third_session_id, refresh_token as third_token
from api.refresh_session(:'next_token') \gset
select is(:'third_session_id'::uuid, :'session_id', 'the next token goes on in turn');

reset role;
set local app.verified_user_id = '';
select is(
    (current_setting('app.user_id'), current_setting('app.role')),
    (pg_temp.id_of('patient')::text, 'patient'::text),
    'whoever holds the token is the caller');
set local role telemed_api;
select pg_temp.sign_in('nobody', 'remember');

-- Another session of the same patient
select session_id as other_session_id, refresh_token as other_token
from api.log_in('patient@clinic.test', :'hash') \gset

-- Two tabs, or a retry
select pg_temp.sign_in('nobody', 'remember');
reset role;
select pg_temp.set_clock('2027-01-05 08:00:09.999+00');
set local role telemed_api;
select collect_tap(
    is(s.refresh_token, :'third_token', 'a token that comes back at once hears the same answer'),
    is(s.session_id, :'session_id', 'in the same session'),
    is(s.expires_at, :'expires_at', 'with the same end'))
from api.refresh_session(:'next_token') as s;
reset role;
select is(
    (select count(*) from app.refresh_tokens where session_id = :'session_id' and spent_at is null),
    1::bigint, 'there is still one token that can be used');
select pg_temp.set_clock('2027-01-05 08:00:00+00');
set local role telemed_api;
select is(
    s.refresh_token, :'third_token', 'one whose successor is spent gets the present token')
from api.refresh_session(:'refresh_token') as s;
reset role;
select is(
    (select count(*) from app.refresh_tokens where session_id = :'session_id' and spent_at is null),
    1::bigint, 'and no token of its own');
select pg_temp.set_clock('2027-01-05 08:00:10+00');
set local role telemed_api;
select pg_temp.sign_in('nobody', 'raise');
select throws_ok(
    format('select api.refresh_session(%L)', :'next_token'),
    'TM104', null, 'but no token does after ten seconds');
select throws_ok(
    format('select api.refresh_session(%L)', :'refresh_token'),
    'TM104', null, 'be it the last but one');

-- A token that comes back
select pg_temp.sign_in('nobody', 'raise');
select throws_ok(
    format('select api.refresh_session(%L)', :'refresh_token'),
    'TM104', 'The refresh token is not valid', 'a spent token is refused');
select pg_temp.sign_in('nobody', 'remember');
select is(s.session_id, null, 'to the REST API without a session')
from api.refresh_session(:'refresh_token') as s;
reset role;
select is(s.revoked_at::timestamptz, '2027-01-05 08:00:10+00', 'and its session is revoked')
from app.sessions as s where s.id = :'session_id';
select collect_tap(
    is(l.new ->> 'revoked_at', '2027-01-05T08:00:10+00:00', 'which leaves a trace'),
    is(l.user_id, pg_temp.id_of('patient'), 'that names the patient'),
    is(l.role::text, 'patient', 'in their role'))
from app.audit_logs as l
where l.table_name = 'sessions' and l.row_id = :'session_id' and l.operation = 'UPDATE';
set local role telemed_api;
select throws_ok(
    format('select api.refresh_session(%L)', :'third_token'),
    'TM104', null, 'so the newest token does not go on either');
select throws_ok(
    format('select api.refresh_session(%L)', :'next_token'),
    'TM104', null, 'nor does any other of that session');
reset role;
select is(t.spent_at::timestamptz, null, 'the newest token was not spent by the attempt')
from app.refresh_tokens as t where t.token_hash = sha256(convert_to(:'third_token', 'UTF8'));
set local role telemed_api;
select is(s.session_id, :'other_session_id', 'other sessions of the patient go on')
from api.refresh_session(:'other_token') as s;

-- No such token
select pg_temp.sign_in('nobody', 'remember');
select throws_ok(
    format('select api.refresh_session(%L)', v.token),
    'TM104', 'The refresh token is not valid', v.sentence)
from (values
    ('AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA', 'an invented token is refused'),
    ('', 'so is an empty one'),
    (null, 'and a missing one'),
    (upper(:'third_token'), 'a token is compared letter by letter'),
    (repeat('a', 1000000), 'a very long one is refused as any other'))
    as v (token, sentence);
select is(
    current_setting('app.user_id') || current_setting('app.role'), '',
    'a token that does not exist makes nobody the caller');

-- The end of a session
select session_id as session_id, refresh_token as refresh_token, expires_at
from api.log_in('patient@clinic.test', :'hash') \gset
reset role;
select pg_temp.set_clock(:'expires_at'::timestamptz - interval '1 microsecond');
set local role telemed_api;
select refresh_token as last_token, expires_at as last_expires_at
from api.refresh_session(:'refresh_token') \gset
select is(:'last_expires_at'::timestamptz, :'expires_at', 'a session goes on until its end');
reset role;
select pg_temp.set_clock(:'expires_at');
set local role telemed_api;
select throws_ok(
    format('select api.refresh_session(%L)', :'last_token'),
    'TM104', null, 'but not at its end');
reset role;
select is(s.revoked_at::timestamptz, null, 'an ended session is not revoked: nobody stole it')
from app.sessions as s where s.id = :'session_id';
set local role telemed_api;

-- A session that was logged out
select session_id, refresh_token from api.log_in('doctor@clinic.test', :'hash') \gset
select pg_temp.sign_in('doctor', 'remember');
select api.log_out(p_session_id => :'session_id') \g /dev/null
select pg_temp.sign_in('nobody', 'remember');
select throws_ok(
    format('select api.refresh_session(%L)', :'refresh_token'),
    'TM104', null, 'after logging out a token does not go on');

-- A user who is deactivated
select session_id, refresh_token from api.log_in('other_patient@clinic.test', :'hash') \gset
reset role;
update app.users set deactivated_at = app.clock() where id = pg_temp.id_of('other_patient');
set local role telemed_api;
select pg_temp.sign_in('nobody', 'remember');
select throws_ok(
    format('select api.refresh_session(%L)', :'refresh_token'),
    'TM104', 'The refresh token is not valid', 'a deactivated user does not go on');
reset role;
select isnt(s.revoked_at::timestamptz, null, 'and their session is revoked')
from app.sessions as s where s.id = :'session_id';
update app.users set deactivated_at = null where id = pg_temp.id_of('other_patient');
set local role telemed_api;
select throws_ok(
    format('select api.refresh_session(%L)', :'refresh_token'),
    'TM104', null, 'when they are active again they log in anew');

-- A user whose role has changed
select session_id, refresh_token from api.log_in('other_patient@clinic.test', :'hash') \gset
reset role;
update app.users set role = 'admin' where id = pg_temp.id_of('other_patient');
set local role telemed_api;
select throws_ok(
    format('select api.refresh_session(%L)', :'refresh_token'),
    'TM104', null, 'a user whose role has changed logs in anew');

-- Nobody can read tokens
select throws_ok(
    'select * from app.refresh_tokens', '42501', null, 'clients cannot read tokens');
reset role;
select is_empty(
    $$
    select session_id from app.refresh_tokens
    where spent_at is null group by session_id having count(*) > 1
    $$,
    'no session has two tokens that can be used');

select * from finish();
rollback;
