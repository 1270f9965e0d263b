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
     'who does not know the current password does not change it'),
    ('patient', '', :'new_hash', 'TM220 current_password', 'an empty one is wrong'),
    ('patient', null, :'new_hash', 'TM220 current_password', 'and so is none'),
    ('patient', :'wrong_hash', :'wrong_hash', 'TM220 current_password',
     'whether the current one is right comes first'),
    ('patient', :'hash', :'hash', 'TM221 new_password', 'the new password is another one'),
    ('patient', :'hash', 'in clear', '23514', 'a password in clear cannot be stored'),
    ('patient', :'hash', null, '23502 password_hash', 'a new password is needed'),
    ('nobody', :'hash', :'new_hash', 'TM101', 'nobody changes a password without signing in')
) as v (actor, current, new, refusal, sentence);
reset role;
select collect_tap(
    is(u.password_hash::text, :'hash', 'a refusal leaves the password as it is'),
    is((select s.revoked_at::timestamptz from app.sessions as s where s.id = :'here'), null,
        'and every session in force'))
from app.users as u where u.id = pg_temp.id_of('patient');
set local role telemed_api;

-- The permitted path
select pg_temp.sign_in('patient', p_request_id => 'change');
select pg_temp.in_session(:'here');
select * from api.change_password(:'hash', :'new_hash') \gset
select collect_tap(
    is(:'user_id'::uuid, pg_temp.id_of('patient'), 'a patient changes their password'),
    is(:'role'::text, 'patient', 'and stays a patient'),
    isnt(:'session_id'::text, :'here', 'in a new session'),
    matches(:'refresh_token'::text, '^[A-Za-z0-9_-]{43}$', 'with a token of its own'),
    is(:'expires_at'::timestamptz, '2027-02-03 08:00:00+00', 'for 30 days'));
select throws_ok(
    'select api.my_profile()', 'TM102', null, 'the session in which they did so is over');
select throws_ok(
    format('select api.change_password(%L, %L)', :'new_hash', :'hash'), 'TM102', null,
    'so its second tab changes nothing');
select pg_temp.sign_in('nobody');
select throws_ok(
    format('select api.refresh_session(%L)', :'elsewhere_token'), 'TM104', null,
    'every other session is over as well');
select is(
    (api.refresh_session(:'refresh_token')).session_id, :'session_id', 'the new one goes on');
select is(
    (api.refresh_session(:'foreign_token')).session_id, :'foreign_session',
    'and so do those of other people');
select pg_temp.sign_in('nobody');
select throws_ok(
    format('select api.log_in(%L, %L)', 'patient@clinic.test', :'hash'), 'TM103', null,
    'the old password is worth nothing');
select is(
    (api.log_in('patient@clinic.test', :'new_hash')).user_id, pg_temp.id_of('patient'),
    'the new one is the password');

-- The trail
reset role;
select collect_tap(
    is(l.operation, 'UPDATE', 'a change of password leaves a trace'),
    is(l.user_id, pg_temp.id_of('patient'), 'of who made it'),
    is(l.role::text, 'patient', 'in their role'))
from app.audit_logs as l where l.table_name = 'users' and l.request_id = 'change';
select is(
    array_agg(l.operation || ' ' || l.row_id order by l.operation, l.row_id),
    array['INSERT ' || :'session_id']
        || array(select 'UPDATE ' || s from unnest(array[:'elsewhere', :'here']) as s order by s),
    'so does every session that it ends, and the one that it begins')
from app.audit_logs as l where l.table_name = 'sessions' and l.request_id = 'change';
select is_empty(
    format($$ select id from app.audit_logs where concat(old, new) ~ 'aaaaaaaa|bbbbbbbb|\$2b\$|%s' $$,
        :'refresh_token'),
    'no trace has a hash or a token in it');

-- Who is no user any more
update app.users set deactivated_at = app.clock() where id = pg_temp.id_of('other_patient');
set local role telemed_api;
select is(
    pg_temp.refusal('other_patient', format(
        'select api.change_password(%L, %L)', :'hash', :'new_hash')),
    'TM102', 'who is deactivated changes nothing');
reset role;
select is(u.password_hash::text, :'hash', 'and keeps the password')
from app.users as u where u.id = pg_temp.id_of('other_patient');
update app.users set mfa_secret = '\x00', mfa_confirmed_at = app.clock()
where id = pg_temp.id_of('patient');
set local role telemed_api;
select is(
    pg_temp.refusal('patient', format(
        'select api.change_password(%L, %L)', :'new_hash', :'hash')),
    null, 'a patient with a second factor changes the password as well');
reset role;
select isnt(u.mfa_confirmed_at::timestamptz, null, 'and keeps the second factor')
from app.users as u where u.id = pg_temp.id_of('patient');

select * from finish();
rollback;
