begin;
-- In this session nobody has named a request yet.
select app.set_actor(null, null) \g /dev/null
select coalesce((app.proven_context()).request_id, 'none') as request_id \gset
\ir ../helpers/actors.psql
select plan(11);
reset role;

select is(:'request_id'::text, 'none', 'a request need not have a name');

select pg_temp.sign_in('nobody');
select app.set_actor(pg_temp.id_of('doctor'), 'doctor') \g /dev/null
select is(
    app.current_actor(), row(pg_temp.id_of('doctor'), 'doctor', null, false)::app.actor,
    'a user becomes the caller');
update app.profiles set phone = '+49 30 1234567' where user_id = pg_temp.id_of('doctor');
select collect_tap(
    is(l.user_id, pg_temp.id_of('doctor'), 'the audit trail names them'),
    is(l.role::text, 'doctor', 'in their role'),
    is(l.request_id::text, 'test', 'under the request that was there before'))
from app.audit_logs as l where l.table_name = 'profiles' order by l.id desc limit 1;

insert into app.sessions (user_id) values (pg_temp.id_of('doctor')) returning id as session \gset
select app.set_actor(pg_temp.id_of('doctor'), 'doctor', :'session') \g /dev/null
select is((app.current_actor()).session_id, :'session', 'in a session, if one is named');
update app.sessions set revoked_at = app.clock() where id = :'session';
select throws_ok('select app.current_actor()', 'TM102', null, 'as long as it goes on');

select app.set_actor(pg_temp.id_of('patient'), 'admin') \g /dev/null
select throws_ok(
    'select app.current_actor()', 'TM102', null, 'a role that is not the user''s does not count');
select app.set_actor(null, null) \g /dev/null
select is((app.proven_context()).user_id, null, 'or it becomes somebody who is not signed in');

-- What is set for the transaction only ends with a function that has settings of its own.
create function pg_temp.set_in_passing()
returns void language plpgsql
set app.user_id = '' set app.role = '' set app.proof = ''
as $$ begin perform app.set_actor(pg_temp.id_of('doctor'), 'doctor'); end; $$;
select pg_temp.sign_in('nobody');
select pg_temp.set_in_passing() \g /dev/null
select throws_ok(
    'select app.current_actor()', 'TM101', null,
    'nothing of it is left for the next transaction');

set local role telemed_api;
select throws_ok(
    format('select app.set_actor(%L, ''admin'')', pg_temp.id_of('admin')),
    '42501', null, 'clients do not choose whom they act as');

select * from finish();
rollback;
