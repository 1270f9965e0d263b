begin;
\ir ../helpers/actors.psql
select plan(16);

reset role;
select pg_temp.new_session('patient') as mine, pg_temp.new_session('patient') as another,
    pg_temp.new_session('patient') as expired, pg_temp.new_session('other_patient') as not_mine \gset
update app.sessions set created_at = '2026-01-01', expires_at = '2027-01-04 08:00:00+00'
where id = :'expired';
set local role telemed_api;

-- Refusals
select is(pg_temp.refusal(v.actor, format('select api.end_session(%L)', v.id)), v.refusal, v.sentence)
from (values
    ('patient', :'not_mine', 'TM420',
     'end_session: a session of another user is refused as if it did not exist'),
    ('admin', :'mine', 'TM420', 'end_session: an admin cannot end a session of another user'),
    ('patient', gen_random_uuid()::text, 'TM420',
     'end_session: a session that does not exist is refused'),
    ('patient', null, 'TM420', 'end_session: a null id is refused'),
    ('patient', :'expired', 'TM420', 'end_session: a session that has expired is refused'),
    ('nobody', :'mine', 'TM101', 'end_session: a caller who is not logged in is refused')
) as v (actor, id, refusal, sentence);

-- The permitted path
select pg_temp.sign_in('patient', p_request_id => 'elsewhere');
select pg_temp.in_session(:'another');
select lives_ok('select api.my_profile()', 'end_session: a session is in force before it is ended');
select pg_temp.sign_in('patient', p_request_id => 'elsewhere');
select pg_temp.in_session(:'mine');
select lives_ok(format('select api.end_session(%L)', :'another'),
    'end_session: a user can end another session of their own');
select lives_ok('select api.my_profile()', 'end_session: the calling session stays in force');
select pg_temp.in_session(:'another');
select throws_ok('select api.my_profile()', 'TM102', null,
    'end_session: an ended session is refused');
reset role;
select is(s.revoked_at::timestamptz, '2027-01-04 08:00:00+00',
    'end_session: an ended session is revoked from now on')
from app.sessions as s where s.id = :'another';
select collect_tap(
    is(l.user_id, pg_temp.id_of('patient'), 'end_session: the audit log names the user'),
    is(l.request_id::text, 'elsewhere', 'end_session: the audit log names the request'))
from app.audit_logs as l
where l.table_name = 'sessions' and l.row_id = :'another' and l.operation = 'UPDATE';
set local role telemed_api;
select is(
    pg_temp.refusal('patient', format('select api.end_session(%L)', :'another')), 'TM420',
    'end_session: a session that has ended is refused');
select pg_temp.sign_in('patient');
select pg_temp.in_session(:'mine');
select lives_ok(format('select api.end_session(%L)', :'mine'),
    'end_session: a user can end the calling session');
select throws_ok('select api.my_profile()', 'TM102', null,
    'end_session: the calling session is refused after it was ended');

select * from finish();
rollback;
