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
    'current_actor: a role that requires a second factor is refused in a session without one');
select is(
    app.signed_in_actor(), row(pg_temp.id_of('doctor'), 'doctor', :'plain', true)::app.actor,
    'signed_in_actor: a session without the required second factor still has an actor');
select pg_temp.sign_in('doctor', p_session_id => :'strong');
select is(
    app.current_actor(), row(pg_temp.id_of('doctor'), 'doctor', :'strong', false)::app.actor,
    'current_actor: a session with the second factor is accepted');
select pg_temp.sign_in('patient', p_session_id => :'patient');
select is(
    app.current_actor(), row(pg_temp.id_of('patient'), 'patient', :'patient', false)::app.actor,
    'current_actor: a role that requires no second factor is accepted without one');
select pg_temp.sign_in('admin');
select is(
    app.current_actor(), row(pg_temp.id_of('admin'), 'admin', null, false)::app.actor,
    'current_actor: a context without a session is accepted without a second factor');

-- Functions in a session without the required second factor
select pg_temp.sign_in('doctor', p_session_id => :'plain');
set local role telemed_api;
select is(pg_temp.id_of('doctor'), (api.my_profile()).id,
    'my_profile: a session without the required second factor is accepted');
select lives_ok('select api.my_mfa_secret()',
    'my_mfa_secret: a session without the required second factor is accepted');
select lives_ok($$ select api.enrol_mfa('a secret') $$,
    'enrol_mfa: a session without the required second factor is accepted');
select throws_ok(
    $$ select api.confirm_mfa('a secret', null) $$, 'TM106', null,
    'confirm_mfa: a session without the required second factor is refused only for a wrong code');
select throws_ok('select api.disable_mfa()', 'TM915', null,
    'disable_mfa: a session without the required second factor is refused only for TM915');
select throws_ok(
    $$ select api.update_my_profile('Somebody Else', p_versions => '{*}') $$, 'TM302', null,
    'update_my_profile: a session without the required second factor is refused');
select throws_ok(
    'select * from api.list_consultations()', 'TM302', null,
    'list_consultations: a session without the required second factor is refused');
select throws_ok(
    $$ select api.publish_slot('2027-01-05 09:00:00+00', '2027-01-05 10:00:00+00') $$,
    'TM302', null, 'publish_slot: a session without the required second factor is refused');
select lives_ok('select api.log_out()',
    'log_out: a session without the required second factor is accepted');

-- A role without a row in app.roles
reset role;
alter table app.roles disable trigger roles_are_never_deleted;
delete from app.roles where name = 'patient';
select pg_temp.sign_in('patient', p_session_id => :'patient');
select throws_ok(
    'select app.current_actor()', 'TM102', null,
    'current_actor: a role without a row in app.roles is refused');

set local role telemed_api;
select throws_ok(
    'select app.current_actor()', '42501', null, 'current_actor: the REST API cannot call it');

select * from finish();
rollback;
