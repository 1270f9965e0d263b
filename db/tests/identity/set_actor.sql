begin;
-- No request id is set in this database session yet.
select app.set_actor(null, null) \g /dev/null
select coalesce((app.proven_context()).request_id, 'none') as request_id \gset
\ir ../helpers/actors.psql
select plan(11);
reset role;

select is(:'request_id'::text, 'none', 'set_actor: a context without a request id is accepted');

select pg_temp.sign_in('nobody');
select app.set_actor(pg_temp.id_of('doctor'), 'doctor') \g /dev/null
select is(
    app.current_actor(), row(pg_temp.id_of('doctor'), 'doctor', null, false)::app.actor,
    'set_actor: the given user becomes the actor');
update app.profiles set phone = '+49 30 1234567' where user_id = pg_temp.id_of('doctor');
select collect_tap(
    is(l.user_id, pg_temp.id_of('doctor'), 'set_actor: the audit log names the actor'),
    is(l.role::text, 'doctor', 'set_actor: the audit log names the role of the actor'),
    is(l.request_id::text, 'test', 'set_actor: the request id stays as it was'))
from app.audit_logs as l where l.table_name = 'profiles' order by l.id desc limit 1;

insert into app.sessions (user_id) values (pg_temp.id_of('doctor')) returning id as session \gset
select app.set_actor(pg_temp.id_of('doctor'), 'doctor', :'session') \g /dev/null
select is((app.current_actor()).session_id, :'session',
    'set_actor: the given session becomes the session of the actor');
update app.sessions set revoked_at = app.clock() where id = :'session';
select throws_ok('select app.current_actor()', 'TM102', null,
    'set_actor: an actor whose session has ended is refused');

select app.set_actor(pg_temp.id_of('patient'), 'admin') \g /dev/null
select throws_ok(
    'select app.current_actor()', 'TM102', null,
    'set_actor: an actor with a role that the user does not have is refused');
select app.set_actor(null, null) \g /dev/null
select is((app.proven_context()).user_id, null,
    'set_actor: null and null make a context without a user');

-- The end of a transaction, simulated: the settings of a function end with the function.
create function pg_temp.set_in_passing()
returns void language plpgsql
set app.user_id = '' set app.role = '' set app.proof = ''
as $$ begin perform app.set_actor(pg_temp.id_of('doctor'), 'doctor'); end; $$;
select pg_temp.sign_in('nobody');
select pg_temp.set_in_passing() \g /dev/null
select throws_ok(
    'select app.current_actor()', 'TM101', null,
    'set_actor: no actor is left when the settings of the transaction end');

set local role telemed_api;
select throws_ok(
    format('select app.set_actor(%L, ''admin'')', pg_temp.id_of('admin')),
    '42501', null, 'set_actor: the REST API cannot call it');

select * from finish();
rollback;
