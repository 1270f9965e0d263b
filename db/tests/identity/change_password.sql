begin;
\ir ../helpers/actors.psql
select plan(31);

select '$2b$04$' || repeat('a', 53) as hash, '$2b$04$' || repeat('b', 53) as new_hash,
    '$2b$04$' || repeat('c', 53) as wrong_hash \gset
select session_id as elsewhere, refresh_token as elsewhere_token
from api.log_in('patient@clinic.test', :'hash') \gset
select session_id as foreign_session, refresh_token as foreign_token
from api.log_in('other_patient@clinic.test', :'hash') \gset
reset role;
select pg_temp.new_session('patient') as here \gset
set local role telemed_api;

-- Refusals
select is(
    pg_temp.refusal(v.actor, format('select api.change_password(%L, %L)', v.current, v.new)),
    v.refusal, v.sentence)
from (values
    ('patient', :'wrong_hash', :'new_hash', 'TM220 current_password',
     'change_password: a wrong current password is refused'),
    ('patient', '', :'new_hash', 'TM220 current_password',
     'change_password: an empty current password is refused'),
    ('patient', null, :'new_hash', 'TM220 current_password',
     'change_password: a null current password is refused'),
    ('patient', :'wrong_hash', :'wrong_hash', 'TM220 current_password',
     'change_password: a wrong current password is refused before the two passwords are compared'),
    ('patient', :'hash', :'hash', 'TM221 new_password',
     'change_password: the current password as the new one is refused'),
    ('patient', :'hash', 'in clear', '23514',
     'change_password: a new password in clear is refused'),
    ('patient', :'hash', null, '23502 password_hash',
     'change_password: a null new password is refused'),
    ('nobody', :'hash', :'new_hash', 'TM101',
     'change_password: a caller who is not logged in is refused')
) as v (actor, current, new, refusal, sentence);
reset role;
select collect_tap(
    is(u.password_hash::text, :'hash', 'change_password: a refusal leaves the password as it is'),
    is((select s.revoked_at::timestamptz from app.sessions as s where s.id = :'here'), null,
        'change_password: a refusal ends no session'))
from app.users as u where u.id = pg_temp.id_of('patient');
set local role telemed_api;

-- The permitted path
select pg_temp.sign_in('patient', p_request_id => 'change');
select pg_temp.in_session(:'here');
select * from api.change_password(:'hash', :'new_hash') \gset
select collect_tap(
    is(:'user_id'::uuid, pg_temp.id_of('patient'),
        'change_password: the new session belongs to the caller'),
    is(:'role'::text, 'patient', 'change_password: the new session has the role of the caller'),
    isnt(:'session_id'::text, :'here', 'change_password: the new session has an id of its own'),
    matches(:'refresh_token'::text, '^[A-Za-z0-9_-]{43}$',
        'change_password: the new session has a refresh token of its own'),
    is(:'expires_at'::timestamptz, '2027-02-03 08:00:00+00',
        'change_password: the new session lasts 30 days'));
select throws_ok(
    'select api.my_profile()', 'TM102', null, 'change_password: the calling session has ended');
select throws_ok(
    format('select api.change_password(%L, %L)', :'new_hash', :'hash'), 'TM102', null,
    'change_password: a second call in the same session is refused');
select pg_temp.sign_in('nobody');
select throws_ok(
    format('select api.refresh_session(%L)', :'elsewhere_token'), 'TM104', null,
    'change_password: the other sessions of the user have ended');
select is(
    (api.refresh_session(:'refresh_token')).session_id, :'session_id',
    'change_password: the new session can be refreshed');
select is(
    (api.refresh_session(:'foreign_token')).session_id, :'foreign_session',
    'change_password: the sessions of other users stay in force');
select pg_temp.sign_in('nobody');
select throws_ok(
    format('select api.log_in(%L, %L)', 'patient@clinic.test', :'hash'), 'TM103', null,
    'change_password: the old password cannot log in');
select is(
    (api.log_in('patient@clinic.test', :'new_hash')).user_id, pg_temp.id_of('patient'),
    'change_password: the new password can log in');

-- The audit log
reset role;
select collect_tap(
    is(l.operation, 'UPDATE', 'change_password: the audit log has the change of the account'),
    is(l.user_id, pg_temp.id_of('patient'), 'change_password: the audit log names the user'),
    is(l.role::text, 'patient', 'change_password: the audit log names the role of the user'))
from app.audit_logs as l where l.table_name = 'users' and l.request_id = 'change';
select is(
    array_agg(l.operation || ' ' || l.row_id order by l.operation, l.row_id),
    array['INSERT ' || :'session_id']
        || array(select 'UPDATE ' || s from unnest(array[:'elsewhere', :'here']) as s order by s),
    'change_password: the audit log has every session that ended and the one that began')
from app.audit_logs as l where l.table_name = 'sessions' and l.request_id = 'change';
select is_empty(
    format($$ select id from app.audit_logs where concat(old, new) ~ 'aaaaaaaa|bbbbbbbb|\$2b\$|%s' $$,
        :'refresh_token'),
    'change_password: the audit log holds neither a password hash nor the refresh token');

-- A deactivated user, a second factor
update app.users set deactivated_at = app.clock() where id = pg_temp.id_of('other_patient');
set local role telemed_api;
select is(
    pg_temp.refusal('other_patient', format(
        'select api.change_password(%L, %L)', :'hash', :'new_hash')),
    'TM102', 'change_password: a deactivated user is refused');
reset role;
select is(u.password_hash::text, :'hash', 'change_password: a deactivated user keeps the password')
from app.users as u where u.id = pg_temp.id_of('other_patient');
update app.users set mfa_secret = '\x00', mfa_confirmed_at = app.clock()
where id = pg_temp.id_of('patient');
set local role telemed_api;
select is(
    pg_temp.refusal('patient', format(
        'select api.change_password(%L, %L)', :'new_hash', :'hash')),
    null, 'change_password: a user with a second factor can change the password');
reset role;
select isnt(u.mfa_confirmed_at::timestamptz, null,
    'change_password: a user with a second factor keeps it')
from app.users as u where u.id = pg_temp.id_of('patient');

select * from finish();
rollback;
