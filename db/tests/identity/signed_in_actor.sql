begin;
\ir ../helpers/actors.psql
select plan(17);
reset role;

select pg_temp.sign_in('patient');
select is(
    app.signed_in_actor(), row(pg_temp.id_of('patient'), 'patient', null, false)::app.actor,
    'the caller is the user of the context');

select pg_temp.sign_in('nobody');
select throws_ok(
    'select app.signed_in_actor()', 'TM101', null, 'without a context there is no caller');
select pg_temp.sign_in('patient');
set local app.role = 'admin';
select throws_ok(
    'select app.signed_in_actor()', 'TM101', null, 'who says another role is no caller');
select pg_temp.sign_in('patient');
set local app.verified_role = 'admin';
select is((app.signed_in_actor()).role, 'patient', 'what was verified before does not count');
select is(current_setting('app.verified_role'), 'patient', 'and is written anew');
select app.set_actor(gen_random_uuid(), 'patient') \g /dev/null
select throws_ok(
    'select app.signed_in_actor()', 'TM102', null, 'a user who does not exist is no caller');
select app.set_actor(pg_temp.id_of('patient'), 'admin') \g /dev/null
select throws_ok(
    'select app.signed_in_actor()', 'TM102', null, 'a role that is not the user''s does not count');

-- Since the access token was made
select pg_temp.sign_in('other_patient');
update app.users set role = 'admin' where id = pg_temp.id_of('other_patient');
select throws_ok(
    'select app.signed_in_actor()', 'TM102', null, 'a user whose role has changed signs in again');
select pg_temp.sign_in('patient');
update app.users set deactivated_at = app.clock() where id = pg_temp.id_of('patient');
select throws_ok('select app.signed_in_actor()', 'TM102', null, 'a deactivated user is no caller');
update app.users set deactivated_at = app.clock() + interval '1 year'
where id = pg_temp.id_of('patient');
select throws_ok(
    'select app.signed_in_actor()', 'TM102', null, 'whatever the date of the deactivation');
update app.users set deactivated_at = null where id = pg_temp.id_of('patient');
select is(
    (app.signed_in_actor()).user_id, pg_temp.id_of('patient'), 'a user who is active again is one');

-- The session that the REST API names
select pg_temp.new_session('patient') as session, pg_temp.new_session('doctor') as other \gset
select pg_temp.sign_in('patient');
select pg_temp.in_session(:'session');
select is((app.signed_in_actor()).session_id, :'session', 'the caller has a session');
select pg_temp.in_session(:'other');
select throws_ok('select app.signed_in_actor()', 'TM102', null, 'that is not somebody else''s');
select pg_temp.in_session(gen_random_uuid());
select throws_ok('select app.signed_in_actor()', 'TM102', null, 'and exists');
select pg_temp.in_session(:'session');
update app.sessions set created_at = '2020-01-01', expires_at = '2020-01-31' where id = :'session';
select throws_ok('select app.signed_in_actor()', 'TM102', null, 'it ends by itself');
update app.sessions set expires_at = '2027-01-31', revoked_at = app.clock() where id = :'session';
select throws_ok('select app.signed_in_actor()', 'TM102', null, 'or is revoked');

set local role telemed_api;
select throws_ok(
    'select app.signed_in_actor()', '42501', null, 'clients do not ask for it themselves');

select * from finish();
rollback;
