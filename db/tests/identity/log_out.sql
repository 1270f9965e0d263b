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
        'a patient logs out of a session');
select collect_tap(
    is(pg_temp.is_over(:'first_id'), true, 'it is over'),
    is(pg_temp.is_over(:'second_id'), false, 'their others are not'));
reset role;
select collect_tap(
    is(l.new ->> 'revoked_at', '2027-01-04T08:00:00+00:00', 'logging out leaves a trace'),
    is(l.user_id, pg_temp.id_of('patient'), 'of who did it'))
from app.audit_logs as l
where l.table_name = 'sessions' and l.row_id = :'first_id' and l.operation = 'UPDATE';
select pg_temp.set_clock('2027-01-04 09:00:00+00');
set local role telemed_api;
select lives_ok(
    format('select api.log_out(p_session_id => %L)', :'first_id'),
        'logging out twice does no harm');
reset role;
select is(s.revoked_at::timestamptz, '2027-01-04 08:00:00+00', 'the first time counts')
from app.sessions as s where s.id = :'first_id';
set local role telemed_api;

select lives_ok(
    format('select api.log_out(p_refresh_token => %L)', :'second_token'),
    'a patient logs out with a refresh token');
select is(pg_temp.is_over(:'second_id'), true, 'the session of the token is over');
select lives_ok(
    format('select api.log_out(%L, %L)', :'third_id', :'fourth_token'),
    'a patient logs out of two sessions at once');
select is(
    pg_temp.is_over(:'third_id') and pg_temp.is_over(:'fourth_id'), true, 'both are over');

-- What is not the caller's
select lives_ok(
    format('select api.log_out(%L, %L)', :'foreign_id', :'foreign_token'),
    'a token of somebody else is accepted from whoever holds it');
select is(pg_temp.is_over(:'foreign_id'), true, 'and ends its session');
select session_id as foreign_id, refresh_token as foreign_token
from api.log_in('doctor@clinic.test', :'hash') \gset
select pg_temp.sign_in('patient');
select api.log_out(:'foreign_id') \g /dev/null
select is(pg_temp.is_over(:'foreign_id'), false, 'the id of a session of somebody else is not');
select lives_ok(
    $$ select api.log_out(gen_random_uuid(), 'no token') $$,
    'a session that is not there does no harm');
select lives_ok('select api.log_out()', 'logging out of nothing does no harm');

-- Who may not
select pg_temp.sign_in('nobody');
select throws_ok(
    format('select api.log_out(%L)', :'foreign_id'),
    'TM101', null, 'nobody logs out without being signed in or holding a token');
select lives_ok(
    format('select api.log_out(p_refresh_token => %L)', :'foreign_token'),
    'the refresh token alone is enough');
select is(pg_temp.is_over(:'foreign_id'), true, 'to end its session');
reset role;
select collect_tap(
    is(l.user_id, pg_temp.id_of('doctor'), 'the audit log names the user of the token'),
    is(l.role::text, 'doctor', 'in their role'))
from app.audit_logs as l
where l.table_name = 'sessions' and l.row_id = :'foreign_id' and l.operation = 'UPDATE';
set local role telemed_api;
select pg_temp.sign_in('nobody');
select lives_ok(
    format('select api.log_out(p_refresh_token => %L)', v.token), v.sentence)
from (values
    (:'foreign_token', 'a token of a session that is over says nothing'),
    ('no token', 'nor does an unknown one'),
    ('', 'nor an empty one')) as v (token, sentence);
select user_id, session_id as spent_id, refresh_token as spent_token
from api.log_in('doctor@clinic.test', :'hash') \gset
select pg_temp.sign_in('nobody');
select refresh_token as newest_token from api.refresh_session(:'spent_token') \gset
select pg_temp.sign_in('nobody');
select api.log_out(p_refresh_token => :'spent_token') \g /dev/null
select is(pg_temp.is_over(:'spent_id'), true, 'a spent token ends its session, too');
select session_id as fifth_id, refresh_token as fifth_token
from api.log_in('patient@clinic.test', :'hash') \gset
select session_id as sixth_id, refresh_token as sixth_token
from api.log_in('patient@clinic.test', :'hash') \gset
reset role;
update app.sessions set revoked_at = app.clock() where id = :'fifth_id';
select pg_temp.sign_in('patient', p_session_id => :'fifth_id');
set local role telemed_api;
select throws_ok(
    'select api.log_out()', 'TM102', null, 'a caller whose session is over is told so');
select lives_ok(
    format('select api.log_out(p_refresh_token => %L)', :'sixth_token'),
    'unless they bring a token');
select is(pg_temp.is_over(:'sixth_id'), true, 'which ends its session');
reset role;
update app.users set deactivated_at = app.clock() where id = pg_temp.id_of('doctor');
set local role telemed_api;
select pg_temp.sign_in('doctor');
select throws_ok(
    format('select api.log_out(%L)', :'foreign_id'),
    'TM102', null, 'a deactivated user is told so');

select * from finish();
rollback;
