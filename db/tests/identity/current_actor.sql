begin;
\ir ../helpers/actors.psql
select plan(13);
reset role;

select pg_temp.sign_in('patient');
select is(
    app.current_actor(), (pg_temp.id_of('patient'), 'patient')::app.actor,
    'the caller is the user of the context');

select pg_temp.sign_in('nobody');
select throws_ok(
    'select app.current_actor()', 'TM101', null, 'without a context there is no caller');
select pg_temp.sign_in('patient');
set local app.role = '';
select throws_ok('select app.current_actor()', 'TM101', null, 'a user without a role is no caller');
select pg_temp.sign_in('patient');
set local app.user_id = '';
select throws_ok('select app.current_actor()', 'TM101', null, 'a role without a user is no caller');

select set_config('app.user_id', gen_random_uuid()::text, true) as ignored \gset
select throws_ok(
    'select app.current_actor()', 'TM102', null, 'a user who does not exist is no caller');
set local app.user_id = 'somebody';
select throws_ok('select app.current_actor()', '22P02', null, 'what is no id is no caller');

select pg_temp.sign_in('patient');
set local app.role = 'admin';
select throws_ok(
    'select app.current_actor()', 'TM102', null, 'a role that is not the user''s does not count');
set local app.role = 'root';
select throws_ok('select app.current_actor()', 'TM102', null, 'nor does one that does not exist');

-- Since the access token was made
select pg_temp.sign_in('other_patient');
update app.users set role = 'admin' where id = pg_temp.id_of('other_patient');
select throws_ok(
    'select app.current_actor()', 'TM102', null, 'a user whose role has changed signs in again');
select pg_temp.sign_in('patient');
update app.users set deactivated_at = app.clock() where id = pg_temp.id_of('patient');
select throws_ok('select app.current_actor()', 'TM102', null, 'a deactivated user is no caller');
update app.users set deactivated_at = app.clock() + interval '1 year'
where id = pg_temp.id_of('patient');
select throws_ok(
    'select app.current_actor()', 'TM102', null, 'whatever the date of the deactivation');
update app.users set deactivated_at = null where id = pg_temp.id_of('patient');
select is(
    (app.current_actor()).user_id, pg_temp.id_of('patient'), 'a user who is active again is one');

set local role telemed_api;
select throws_ok(
    'select app.current_actor()', '42501', null, 'clients do not ask for it themselves');

select * from finish();
rollback;
