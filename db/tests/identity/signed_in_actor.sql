begin;
\ir ../helpers/actors.psql
select plan(17);
reset role;

select pg_temp.sign_in('patient');
select is(
    app.signed_in_actor(), row(pg_temp.id_of('patient'), 'patient', null, false)::app.actor,
    'signed_in_actor: the actor is the user of the context');

select pg_temp.sign_in('nobody');
select throws_ok(
    'select app.signed_in_actor()', 'TM101', null,
    'signed_in_actor: a context without a user is refused');
select pg_temp.sign_in('patient');
set local app.role = 'admin';
select throws_ok(
    'select app.signed_in_actor()', 'TM101', null,
    'signed_in_actor: a context whose role was changed is refused');
select pg_temp.sign_in('patient');
set local app.verified_role = 'admin';
select is((app.signed_in_actor()).role, 'patient',
    'signed_in_actor: an earlier value of app.verified_role does not count');
select is(current_setting('app.verified_role'), 'patient',
    'signed_in_actor: the setting app.verified_role becomes the role of the actor');
select app.set_actor(gen_random_uuid(), 'patient') \g /dev/null
select throws_ok(
    'select app.signed_in_actor()', 'TM102', null,
    'signed_in_actor: a user who does not exist is refused');
select app.set_actor(pg_temp.id_of('patient'), 'admin') \g /dev/null
select throws_ok(
    'select app.signed_in_actor()', 'TM102', null,
    'signed_in_actor: a role that the user does not have is refused');

-- Changes of the account after the access token was issued
select pg_temp.sign_in('other_patient');
update app.users set role = 'admin' where id = pg_temp.id_of('other_patient');
select throws_ok(
    'select app.signed_in_actor()', 'TM102', null,
    'signed_in_actor: a user whose role has changed is refused');
select pg_temp.sign_in('patient');
update app.users set deactivated_at = app.clock() where id = pg_temp.id_of('patient');
select throws_ok('select app.signed_in_actor()', 'TM102', null,
    'signed_in_actor: a deactivated user is refused');
update app.users set deactivated_at = app.clock() + interval '1 year'
where id = pg_temp.id_of('patient');
select throws_ok(
    'select app.signed_in_actor()', 'TM102', null,
    'signed_in_actor: a user whose deactivation lies in the future is refused');
update app.users set deactivated_at = null where id = pg_temp.id_of('patient');
select is(
    (app.signed_in_actor()).user_id, pg_temp.id_of('patient'),
    'signed_in_actor: a user who is active again is accepted');

-- The session of a context that the REST API signed
select pg_temp.new_session('patient') as session, pg_temp.new_session('doctor') as other \gset
select pg_temp.sign_in('patient');
select pg_temp.in_session(:'session');
select is((app.signed_in_actor()).session_id, :'session',
    'signed_in_actor: the session of the context becomes the session of the actor');
select pg_temp.in_session(:'other');
select throws_ok('select app.signed_in_actor()', 'TM102', null,
    'signed_in_actor: the session of another user is refused');
select pg_temp.in_session(gen_random_uuid());
select throws_ok('select app.signed_in_actor()', 'TM102', null,
    'signed_in_actor: a session that does not exist is refused');
select pg_temp.in_session(:'session');
update app.sessions set created_at = '2020-01-01', expires_at = '2020-01-31' where id = :'session';
select throws_ok('select app.signed_in_actor()', 'TM102', null,
    'signed_in_actor: a session that has expired is refused');
update app.sessions set expires_at = '2027-01-31', revoked_at = app.clock() where id = :'session';
select throws_ok('select app.signed_in_actor()', 'TM102', null,
    'signed_in_actor: a session that was revoked is refused');

set local role telemed_api;
select throws_ok(
    'select app.signed_in_actor()', '42501', null, 'signed_in_actor: the REST API cannot call it');

select * from finish();
rollback;
