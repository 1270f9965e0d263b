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
    (repeat('A', 43), :'new_hash', 'TM222 token', 'an invented token is refused'),
    ('', :'new_hash', 'TM222 token', 'an empty one'),
    (null, :'new_hash', 'TM222 token', 'and none'),
    (:'token' || 'x', :'new_hash', 'TM222 token', 'a token is good to the last letter'),
    (:'token', 'in clear', '23514', 'a password in clear cannot be stored'),
    (:'token', null, '23502 password_hash', 'a new password is needed')
) as v (token, new, refusal, sentence);
reset role;
select collect_tap(
    is(u.password_hash::text, :'hash', 'a refusal leaves the password as it is'),
    is((select s.revoked_at::timestamptz from app.sessions as s where s.id = :'elsewhere'), null,
        'and every session in force'),
    is((select count(*) from app.password_resets as r where r.used_at is not null), 0::bigint,
        'and uses no token up'))
from app.users as u where u.id = pg_temp.id_of('patient');

-- In time
select pg_temp.set_clock('2027-01-04 08:30:00+00');
set local role telemed_api;
select is(
    pg_temp.refusal('nobody', format('select api.reset_password(%L, %L)', :'token', :'new_hash')),
    'TM222 token', 'after 30 minutes a token is worth nothing');
reset role;
select pg_temp.set_clock('2027-01-04 08:29:59.999+00');
set local role telemed_api;

-- The permitted path
select pg_temp.sign_in('nobody', p_request_id => 'reset');
select lives_ok(
    format('select api.reset_password(%L, %L)', :'token', :'new_hash'),
    'until then its holder chooses a new password');
reset role;
select collect_tap(
    is(u.password_hash::text, :'new_hash', 'which is the patient''s from now on'),
    is(u.mfa_secret, '\x00', 'the second factor stays'),
    is(u.mfa_confirmed_at::timestamptz, '2027-01-04 08:00:00+00', 'in force'),
    is(u.mfa_last_step, 7::bigint, 'as it was'))
from app.users as u where u.id = pg_temp.id_of('patient');
select is(s.revoked_at::timestamptz, '2027-01-04 08:29:59.999+00', 'every session has ended')
from app.sessions as s where s.id = :'elsewhere';
select is(count(*), 0::bigint, 'and none has begun')
from app.sessions as s where s.user_id = pg_temp.id_of('patient') and s.revoked_at is null;
select is(r.used_at::timestamptz, '2027-01-04 08:29:59.999+00', 'the token is used up')
from app.password_resets as r where r.token_hash = sha256(convert_to(:'token', 'UTF8'));
set local role telemed_api;
select is(
    pg_temp.refusal('nobody', format('select api.reset_password(%L, %L)', :'token', :'third_hash')),
    'TM222 token', 'it is good once');
select pg_temp.sign_in('nobody');
select throws_ok(
    format('select api.log_in(%L, %L)', 'patient@clinic.test', :'hash'), 'TM103', null,
    'the old password is worth nothing');
select isnt(
    (api.refresh_session(:'other_token')).session_id, null, 'other people stay logged in');

-- The trail
reset role;
select is(
    array_agg(concat_ws(' ', l.table_name, l.operation) order by l.id),
    array[
        'password_resets UPDATE', 'password_resets UPDATE', 'sessions UPDATE', 'users UPDATE'],
    'the audit log has both tokens, the session that ended and the password that changed')
from app.audit_logs as l where l.request_id = 'reset' and l.user_id = pg_temp.id_of('patient');
select is_empty(
    $$ select id from app.audit_logs where request_id = 'reset' and user_id is null $$,
    'all of it by the patient');
select is_empty(
    format($$ select id from app.audit_logs where concat(old, new) ~ 'aaaaaaaa|bbbbbbbb|\$2b\$|%s' $$,
        :'token'),
    'and no hash and no token');

-- Whose account is closed
update app.users set deactivated_at = app.clock() where id = pg_temp.id_of('other_patient');
set local role telemed_api;
select is(
    pg_temp.refusal('nobody', format('select api.reset_password(%L, %L)', :'of_other', :'new_hash')),
    'TM222 token', 'who is deactivated chooses no password');
reset role;
update app.users set deactivated_at = null where id = pg_temp.id_of('other_patient');
set local role telemed_api;
select is(
    pg_temp.refusal('nobody', format('select api.reset_password(%L, %L)', :'of_other', :'new_hash')),
    'TM222 token', 'not with that token after being activated again either');
reset role;
update app.users set deactivated_at = app.clock() where id = pg_temp.id_of('doctor');
insert into app.password_resets (user_id, token_hash)
values (pg_temp.id_of('doctor'), sha256('at the same moment'));
set local role telemed_api;
select is(
    pg_temp.refusal('nobody', format(
        'select api.reset_password(%L, %L)', 'at the same moment', :'new_hash')),
    'TM222 token', 'nor when it was asked for at the moment of the deactivation');

-- A change of password
select pg_temp.sign_in('nobody');
select token as of_admin from api.request_password_reset('admin@clinic.test') \gset
select is(
    pg_temp.refusal('admin', format('select api.change_password(%L, %L)', :'hash', :'new_hash')),
    null, 'an admin remembers the password and changes it');
select is(
    pg_temp.refusal('nobody', format('select api.reset_password(%L, %L)', :'of_admin', :'third_hash')),
    'TM222 token', 'the message is worth nothing then');

-- Without a context
set local app.proof = '';
select throws_ok(
    format('select api.reset_password(%L, %L)', :'of_admin', :'third_hash'), 'TM101', null,
    'who cannot prove to be the REST API is refused');
set local role telemed_auditor;
select throws_ok(
    format('select api.reset_password(%L, %L)', :'of_admin', :'third_hash'), '42501', null,
    'and so is an auditor');

select * from finish();
rollback;
