begin;
\ir ../helpers/actors.psql
select plan(29);

select '$2b$04$' || repeat('a', 53) as hash \gset
select session_id as first_id from api.log_in('patient@clinic.test', :'hash') \gset
select session_id as second_id, refresh_token as second_token
from api.log_in('patient@clinic.test', :'hash') \gset
select session_id as third_id from api.log_in('patient@clinic.test', :'hash') \gset
select session_id as fourth_id, refresh_token as fourth_token
from api.log_in('patient@clinic.test', :'hash') \gset
select session_id as foreign_id, refresh_token as foreign_token
from api.log_in('doctor@clinic.test', :'hash') \gset

reset role;
create function pg_temp.is_over(p_session_id text)
returns boolean language sql security definer
as $$ select s.revoked_at is not null from app.sessions as s where s.id = p_session_id::uuid $$;
set local role telemed_api;

select pg_temp.sign_in('patient');
select lives_ok(
    format('select api.log_out(p_session_id => %L)', :'first_id'),
        'log_out: a patient can log out of a session by its id');
select collect_tap(
    is(pg_temp.is_over(:'first_id'), true, 'log_out: a log-out by session id ends the session'),
    is(pg_temp.is_over(:'second_id'), false,
        'log_out: the other sessions of the patient stay in force'));
reset role;
select collect_tap(
    is(l.new ->> 'revoked_at', '2027-01-04T08:00:00+00:00',
        'log_out: the audit log has the time at which the session ended'),
    is(l.user_id, pg_temp.id_of('patient'), 'log_out: the audit log names the patient'))
from app.audit_logs as l
where l.table_name = 'sessions' and l.row_id = :'first_id' and l.operation = 'UPDATE';
select pg_temp.set_clock('2027-01-04 09:00:00+00');
set local role telemed_api;
select lives_ok(
    format('select api.log_out(p_session_id => %L)', :'first_id'),
        'log_out: a second log-out of the same session is accepted');
reset role;
select is(s.revoked_at::timestamptz, '2027-01-04 08:00:00+00',
    'log_out: the session keeps the time of the first log-out')
from app.sessions as s where s.id = :'first_id';
set local role telemed_api;

select lives_ok(
    format('select api.log_out(p_refresh_token => %L)', :'second_token'),
    'log_out: a patient can log out by a refresh token');
select is(pg_temp.is_over(:'second_id'), true,
    'log_out: a log-out by refresh token ends the session');
select lives_ok(
    format('select api.log_out(%L, %L)', :'third_id', :'fourth_token'),
    'log_out: a patient can log out of two sessions in one call');
select is(
    pg_temp.is_over(:'third_id') and pg_temp.is_over(:'fourth_id'), true,
    'log_out: a log-out of two sessions ends both');

-- Sessions of other users
select lives_ok(
    format('select api.log_out(%L, %L)', :'foreign_id', :'foreign_token'),
    'log_out: the refresh token of another user is accepted');
select is(pg_temp.is_over(:'foreign_id'), true,
    'log_out: the refresh token of another user ends its session');
select session_id as foreign_id, refresh_token as foreign_token
from api.log_in('doctor@clinic.test', :'hash') \gset
select pg_temp.sign_in('patient');
select api.log_out(:'foreign_id') \g /dev/null
select is(pg_temp.is_over(:'foreign_id'), false,
    'log_out: the session id of another user ends nothing');
select lives_ok(
    $$ select api.log_out(gen_random_uuid(), 'no token') $$,
    'log_out: an unknown session and an unknown refresh token are accepted');
select lives_ok('select api.log_out()',
    'log_out: a log-out without a session and without a refresh token is accepted');

-- Callers without the right
select pg_temp.sign_in('nobody');
select throws_ok(
    format('select api.log_out(%L)', :'foreign_id'),
    'TM101', null, 'log_out: a caller with neither a log-in nor a refresh token is refused');
select lives_ok(
    format('select api.log_out(p_refresh_token => %L)', :'foreign_token'),
    'log_out: a refresh token is accepted without a log-in');
select is(pg_temp.is_over(:'foreign_id'), true,
    'log_out: a refresh token without a log-in ends its session');
reset role;
select collect_tap(
    is(l.user_id, pg_temp.id_of('doctor'),
        'log_out: the audit log names the user of the refresh token'),
    is(l.role::text, 'doctor',
        'log_out: the audit log names the role of the user of the refresh token'))
from app.audit_logs as l
where l.table_name = 'sessions' and l.row_id = :'foreign_id' and l.operation = 'UPDATE';
set local role telemed_api;
select pg_temp.sign_in('nobody');
select lives_ok(
    format('select api.log_out(p_refresh_token => %L)', v.token), v.sentence)
from (values
    (:'foreign_token', 'log_out: the refresh token of a session that has ended is accepted'),
    ('no token', 'log_out: an unknown refresh token is accepted'),
    ('', 'log_out: an empty refresh token is accepted')) as v (token, sentence);
select user_id, session_id as spent_id, refresh_token as spent_token
from api.log_in('doctor@clinic.test', :'hash') \gset
select pg_temp.sign_in('nobody');
select refresh_token as newest_token from api.refresh_session(:'spent_token') \gset
select pg_temp.sign_in('nobody');
select api.log_out(p_refresh_token => :'spent_token') \g /dev/null
select is(pg_temp.is_over(:'spent_id'), true, 'log_out: a spent refresh token ends its session');
select session_id as fifth_id, refresh_token as fifth_token
from api.log_in('patient@clinic.test', :'hash') \gset
select session_id as sixth_id, refresh_token as sixth_token
from api.log_in('patient@clinic.test', :'hash') \gset
reset role;
update app.sessions set revoked_at = app.clock() where id = :'fifth_id';
select pg_temp.sign_in('patient', p_session_id => :'fifth_id');
set local role telemed_api;
select throws_ok(
    'select api.log_out()', 'TM102', null, 'log_out: a caller whose session has ended is refused');
select lives_ok(
    format('select api.log_out(p_refresh_token => %L)', :'sixth_token'),
    'log_out: a caller whose session has ended is accepted with a refresh token');
select is(pg_temp.is_over(:'sixth_id'), true,
    'log_out: the refresh token of a caller whose session has ended ends its own session');
reset role;
update app.users set deactivated_at = app.clock() where id = pg_temp.id_of('doctor');
set local role telemed_api;
select pg_temp.sign_in('doctor');
select throws_ok(
    format('select api.log_out(%L)', :'foreign_id'),
    'TM102', null, 'log_out: a deactivated user is refused');

select * from finish();
rollback;
