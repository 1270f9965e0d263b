begin;
\ir ../helpers/actors.psql
select plan(31);

select '$2b$04$' || repeat('a', 53) as hash, '$2b$04$' || repeat('b', 53) as new_hash,
    '$2b$04$' || repeat('c', 53) as third_hash \gset
reset role;
update app.users set mfa_secret = '\x00', mfa_confirmed_at = app.clock(), mfa_last_step = 7
where id = pg_temp.id_of('patient');
select pg_temp.new_session('patient') as elsewhere \gset
set local role telemed_api;
select refresh_token as other_token from api.log_in('other_patient@clinic.test', :'hash') \gset
select pg_temp.sign_in('nobody');
select token as older from api.request_password_reset('patient@clinic.test') \gset
select token from api.request_password_reset('patient@clinic.test') \gset
select token as of_other from api.request_password_reset('other_patient@clinic.test') \gset

-- Refusals
select is(
    pg_temp.refusal('nobody', format('select api.reset_password(%L, %L)', v.token, v.new)),
    v.refusal, v.sentence)
from (values
    (repeat('A', 43), :'new_hash', 'TM222 token', 'reset_password: an invented token is refused'),
    ('', :'new_hash', 'TM222 token', 'reset_password: an empty token is refused'),
    (null, :'new_hash', 'TM222 token', 'reset_password: a null token is refused'),
    (:'token' || 'x', :'new_hash', 'TM222 token',
     'reset_password: a token with an extra character is refused'),
    (:'token', 'in clear', '23514', 'reset_password: a new password in clear is refused'),
    (:'token', null, '23502 password_hash', 'reset_password: a null new password is refused')
) as v (token, new, refusal, sentence);
reset role;
select collect_tap(
    is(u.password_hash::text, :'hash', 'reset_password: a refusal leaves the password as it is'),
    is((select s.revoked_at::timestamptz from app.sessions as s where s.id = :'elsewhere'), null,
        'reset_password: a refusal ends no session'),
    is((select count(*) from app.password_resets as r where r.used_at is not null), 0::bigint,
        'reset_password: a refusal uses up no token'))
from app.users as u where u.id = pg_temp.id_of('patient');

-- The end of a token
select pg_temp.set_clock('2027-01-04 08:30:00+00');
set local role telemed_api;
select is(
    pg_temp.refusal('nobody', format('select api.reset_password(%L, %L)', :'token', :'new_hash')),
    'TM222 token', 'reset_password: a token is refused after 30 minutes');
reset role;
select pg_temp.set_clock('2027-01-04 08:29:59.999+00');
set local role telemed_api;

-- The permitted path
select pg_temp.sign_in('nobody', p_request_id => 'reset');
select lives_ok(
    format('select api.reset_password(%L, %L)', :'token', :'new_hash'),
    'reset_password: a token is accepted within 30 minutes');
reset role;
select collect_tap(
    is(u.password_hash::text, :'new_hash', 'reset_password: the account has the new password'),
    is(u.mfa_secret, '\x00', 'reset_password: the second factor keeps its secret'),
    is(u.mfa_confirmed_at::timestamptz, '2027-01-04 08:00:00+00',
        'reset_password: the second factor stays in force'),
    is(u.mfa_last_step, 7::bigint,
        'reset_password: the second factor keeps its last used time step'))
from app.users as u where u.id = pg_temp.id_of('patient');
select is(s.revoked_at::timestamptz, '2027-01-04 08:29:59.999+00',
    'reset_password: every session of the user has ended')
from app.sessions as s where s.id = :'elsewhere';
select is(count(*), 0::bigint, 'reset_password: no new session has begun')
from app.sessions as s where s.user_id = pg_temp.id_of('patient') and s.revoked_at is null;
select is(r.used_at::timestamptz, '2027-01-04 08:29:59.999+00',
    'reset_password: the token is used from now on')
from app.password_resets as r where r.token_hash = sha256(convert_to(:'token', 'UTF8'));
set local role telemed_api;
select is(
    pg_temp.refusal('nobody', format('select api.reset_password(%L, %L)', :'token', :'third_hash')),
    'TM222 token', 'reset_password: a token is refused the second time');
select pg_temp.sign_in('nobody');
select throws_ok(
    format('select api.log_in(%L, %L)', 'patient@clinic.test', :'hash'), 'TM103', null,
    'reset_password: the old password cannot log in');
select isnt(
    (api.refresh_session(:'other_token')).session_id, null,
    'reset_password: the sessions of other users stay in force');

-- The audit log
reset role;
select is(
    array_agg(concat_ws(' ', l.table_name, l.operation) order by l.id),
    array[
        'password_resets UPDATE', 'email_verifications UPDATE', 'password_resets UPDATE',
        'sessions UPDATE', 'users UPDATE'],
    'reset_password: the audit log has both resets, the revoked verification, the ended session '
    'and the account')
from app.audit_logs as l where l.request_id = 'reset' and l.user_id = pg_temp.id_of('patient');
select is_empty(
    $$ select id from app.audit_logs where request_id = 'reset' and user_id is null $$,
    'reset_password: the audit log names the user in every row');
select is_empty(
    format($$ select id from app.audit_logs where concat(old, new) ~ 'aaaaaaaa|bbbbbbbb|\$2b\$|%s' $$,
        :'token'),
    'reset_password: the audit log holds neither a password hash nor the token');

-- A deactivated user
update app.users set deactivated_at = app.clock() where id = pg_temp.id_of('other_patient');
set local role telemed_api;
select is(
    pg_temp.refusal('nobody', format('select api.reset_password(%L, %L)', :'of_other', :'new_hash')),
    'TM222 token', 'reset_password: a deactivated user is refused');
reset role;
update app.users set deactivated_at = null where id = pg_temp.id_of('other_patient');
set local role telemed_api;
select is(
    pg_temp.refusal('nobody', format('select api.reset_password(%L, %L)', :'of_other', :'new_hash')),
    'TM222 token',
    'reset_password: a token from before the deactivation is refused after the activation');
reset role;
update app.users set deactivated_at = app.clock() where id = pg_temp.id_of('doctor');
insert into app.password_resets (user_id, token_hash)
values (pg_temp.id_of('doctor'), sha256('at the same moment'));
set local role telemed_api;
select is(
    pg_temp.refusal('nobody', format(
        'select api.reset_password(%L, %L)', 'at the same moment', :'new_hash')),
    'TM222 token',
    'reset_password: a token that was requested at the moment of the deactivation is refused');

-- A change of password
select pg_temp.sign_in('nobody');
select token as of_admin from api.request_password_reset('admin@clinic.test') \gset
select is(
    pg_temp.refusal('admin', format('select api.change_password(%L, %L)', :'hash', :'new_hash')),
    null, 'change_password: a user with a password reset in force can change the password');
select is(
    pg_temp.refusal('nobody', format('select api.reset_password(%L, %L)', :'of_admin', :'third_hash')),
    'TM222 token', 'reset_password: a token from before a change of password is refused');

-- Without a context signature
set local app.proof = '';
select throws_ok(
    format('select api.reset_password(%L, %L)', :'of_admin', :'third_hash'), 'TM101', null,
    'reset_password: a call without a context signature is refused');
set local role telemed_auditor;
select throws_ok(
    format('select api.reset_password(%L, %L)', :'of_admin', :'third_hash'), '42501', null,
    'reset_password: an auditor cannot call it');

select * from finish();
rollback;
