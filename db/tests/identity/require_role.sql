begin;
\ir ../helpers/actors.psql
select plan(8);
reset role;

select pg_temp.sign_in('patient');
select is(
    (app.require_role('patient')).user_id, pg_temp.id_of('patient'),
    'require_role: a caller with the required role is accepted');
select is(
    (app.require_role('admin', 'patient')).role, 'patient',
    'require_role: a caller with one of several required roles is accepted');
select throws_ok(
    $$ select app.require_role('doctor') $$, 'TM301', null,
    'require_role: a caller with another role is refused');
select throws_ok(
    $$ select app.require_role('doctor', 'admin') $$, 'TM301', null,
    'require_role: a caller with none of several required roles is refused');
select throws_ok(
    $$ select app.require_role('Patient') $$, 'TM301', null,
    'require_role: the case of the required role matters');

select pg_temp.sign_in('nobody');
select throws_ok(
    $$ select app.require_role('patient') $$, 'TM101', null,
    'require_role: a caller who is not logged in is refused');
select pg_temp.sign_in('patient');
update app.users set deactivated_at = app.clock() where id = pg_temp.id_of('patient');
select throws_ok(
    $$ select app.require_role('patient') $$, 'TM102', null,
    'require_role: a deactivated user is refused');
select throws_ok(
    $$ select app.require_role('doctor') $$, 'TM102', null,
    'require_role: a deactivated user is refused before the role is checked');

select * from finish();
rollback;
