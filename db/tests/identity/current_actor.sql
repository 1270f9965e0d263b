begin;
\ir ../helpers/actors.psql
select plan(16);
reset role;

select ops.require_second_factor('{admin,doctor}') \g /dev/null
insert into app.sessions (user_id) values (pg_temp.id_of('doctor')) returning id as plain \gset
insert into app.sessions (user_id, second_factor_at) values (pg_temp.id_of('doctor'), app.clock())
returning id as strong \gset
insert into app.sessions (user_id) values (pg_temp.id_of('patient')) returning id as patient \gset

select pg_temp.sign_in('doctor', p_session_id => :'plain');
select throws_ok(
    'select app.current_actor()', 'TM302',
    'A second factor is required for this role: enrol one, or log in with it',
    'a role that requires a second factor is not acted in without one');
select is(
    app.signed_in_actor(), row(pg_temp.id_of('doctor'), 'doctor', :'plain', true)::app.actor,
    'though it is known who is calling');
select pg_temp.sign_in('doctor', p_session_id => :'strong');
select is(
    app.current_actor(), row(pg_temp.id_of('doctor'), 'doctor', :'strong', false)::app.actor,
    'in a session with a second factor it is');
select pg_temp.sign_in('patient', p_session_id => :'patient');
select is(
    app.current_actor(), row(pg_temp.id_of('patient'), 'patient', :'patient', false)::app.actor,
    'a role that requires none is acted in');
select pg_temp.sign_in('admin');
select is(
    app.current_actor(), row(pg_temp.id_of('admin'), 'admin', null, false)::app.actor,
    'so is any by a database administrator, without a session');

-- What works all the same
select pg_temp.sign_in('doctor', p_session_id => :'plain');
set local role telemed_api;
select is(pg_temp.id_of('doctor'), (api.my_profile()).id, 'the own profile can be read');
select lives_ok('select api.my_mfa_secret()', 'a second factor can be looked at');
select lives_ok($$ select api.enrol_mfa('a secret') $$, 'and enrolled');
select throws_ok(
    $$ select api.confirm_mfa('a secret', null) $$, 'TM106', null, 'and confirmed');
select throws_ok('select api.disable_mfa()', 'TM915', null, 'and removed');
select throws_ok(
    $$ select api.update_my_profile('Somebody Else') $$, 'TM302', null, 'nothing is changed');
select throws_ok(
    'select * from api.list_consultations()', 'TM302', null, 'nor read');
select throws_ok(
    $$ select api.publish_slot('2027-01-05 09:00:00+00', '2027-01-05 10:00:00+00') $$,
    'TM302', null, 'nor offered');
select lives_ok('select api.log_out()', 'whoever is in can log out');

-- A role about which nothing is said
reset role;
alter table app.roles disable trigger roles_are_never_deleted;
delete from app.roles where name = 'patient';
select pg_temp.sign_in('patient', p_session_id => :'patient');
select throws_ok(
    'select app.current_actor()', 'TM102', null, 'where it is not known what is asked for, nobody is let in');

set local role telemed_api;
select throws_ok(
    'select app.current_actor()', '42501', null, 'clients do not ask for it themselves');

select * from finish();
rollback;
