begin;
\ir ../helpers/actors.psql
select plan(13);
select pg_temp.sign_in('nobody');

set local role telemed_dba;
select id as new_admin
from ops.create_admin('New@Clinic.test', '$2b$04$' || repeat('a', 53), 'New Admin') \gset
reset role;
set local app.verified_role = 'admin';
select collect_tap(
    is(u.email, 'New@Clinic.test', 'a database administrator makes an admin'),
    is(u.role, 'admin', 'who has that role'),
    is(u.full_name, 'New Admin', 'and a name'))
from api.users as u where u.id = :'new_admin';
set local app.verified_role = '';
select collect_tap(
    is(l.user_id, null, 'it leaves a trace without a user'),
    is(l.database_login, session_user, 'but with the login to the database'),
    ok(not l.new ? 'password_hash', 'and without the password'))
from app.audit_logs as l where l.table_name = 'users' and l.row_id = :'new_admin';

-- Refusals
set local role telemed_dba;
select throws_ok(
    $$ select ops.create_admin('new@clinic.test', '$2b$04$' || repeat('a', 53), 'Again') $$,
    'TM911', null, 'an address that is registered is refused');
select throws_ok(
    $$ select ops.create_admin('a@clinic.test', 'secret', 'A') $$,
    '23514', null, 'a password in clear is refused');
select throws_ok(
    $$ select ops.create_admin('a@clinic.test', '$2b$04$' || repeat('a', 53), null) $$,
    '23502', null, 'a missing name is refused');
select throws_ok(
    $$ select app.create_user('a@clinic.test', '$2b$04$' || repeat('a', 53), 'A', 'admin') $$,
    '42501', null, 'there is no way around it');

-- Who may not
set local role telemed_api;
select pg_temp.sign_in('admin');
select throws_ok(
    $$ select ops.create_admin('a@clinic.test', '$2b$04$' || repeat('a', 53), 'A') $$,
    '42501', null, 'the REST API makes no admins, not even for an admin');
set local role telemed_auditor;
select throws_ok(
    $$ select ops.create_admin('a@clinic.test', '$2b$04$' || repeat('a', 53), 'A') $$,
    '42501', null, 'nor does an auditor');
reset role;
select is_empty(
    $$ select id from app.users where email = 'a@clinic.test' $$, 'a refusal leaves no account');

select * from finish();
rollback;
