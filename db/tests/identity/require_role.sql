begin;
\ir ../helpers/actors.psql
select plan(8);
reset role;

select pg_temp.sign_in('patient');
select is(
    (app.require_role('patient')).user_id, pg_temp.id_of('patient'),
     'a patient passes as a patient');
select is(
    (app.require_role('admin', 'patient')).role, 'patient', 'and where several roles may pass');
select throws_ok(
    $$ select app.require_role('doctor') $$, 'TM301', null, 'but not as a doctor');
select throws_ok(
    $$ select app.require_role('doctor', 'admin') $$, 'TM301', null,
    'and not where others may pass');
select throws_ok(
    $$ select app.require_role('Patient') $$, 'TM301', null, 'a role is compared letter by letter');

select pg_temp.sign_in('nobody');
select throws_ok(
    $$ select app.require_role('patient') $$, 'TM101', null, 'nobody passes without signing in');
select pg_temp.sign_in('patient');
update app.users set deactivated_at = app.clock() where id = pg_temp.id_of('patient');
select throws_ok(
    $$ select app.require_role('patient') $$, 'TM102', null, 'nor with a deactivated account');
select throws_ok(
    $$ select app.require_role('doctor') $$, 'TM102', null,
    'a deactivated account is told so before its role matters');

select * from finish();
rollback;
