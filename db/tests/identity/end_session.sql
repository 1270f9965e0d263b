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
    ('patient', :'not_mine', 'TM420', 'a patient does not even learn of somebody else''s session'),
    ('admin', :'mine', 'TM420', 'nor does an admin'),
    ('patient', gen_random_uuid()::text, 'TM420', 'a session that does not exist cannot be ended'),
    ('patient', null, 'TM420', 'nor can none'),
    ('patient', :'expired', 'TM420', 'nor one that has ended by itself'),
    ('nobody', :'mine', 'TM101', 'nobody ends a session without signing in')
) as v (actor, id, refusal, sentence);

-- The permitted path
select pg_temp.sign_in('patient', p_request_id => 'elsewhere');
select pg_temp.in_session(:'another');
select lives_ok('select api.my_profile()', 'a patient is logged in in two places');
select pg_temp.sign_in('patient', p_request_id => 'elsewhere');
select pg_temp.in_session(:'mine');
select lives_ok(format('select api.end_session(%L)', :'another'), 'they log out elsewhere');
select lives_ok('select api.my_profile()', 'here they go on');
select pg_temp.in_session(:'another');
select throws_ok('select api.my_profile()', 'TM102', null, 'there they do not');
reset role;
select is(s.revoked_at::timestamptz, '2027-01-04 08:00:00+00', 'the session is revoked')
from app.sessions as s where s.id = :'another';
select collect_tap(
    is(l.user_id, pg_temp.id_of('patient'), 'it leaves a trace of who ended it'),
    is(l.request_id::text, 'elsewhere', 'and by which request'))
from app.audit_logs as l
where l.table_name = 'sessions' and l.row_id = :'another' and l.operation = 'UPDATE';
set local role telemed_api;
select is(
    pg_temp.refusal('patient', format('select api.end_session(%L)', :'another')), 'TM420',
    'a session ends once');
select pg_temp.sign_in('patient');
select pg_temp.in_session(:'mine');
select lives_ok(format('select api.end_session(%L)', :'mine'), 'a session may end itself');
select throws_ok('select api.my_profile()', 'TM102', null, 'and is over then');

select * from finish();
rollback;
