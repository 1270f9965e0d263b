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
    is(u.email, 'New@Clinic.test', 'create_admin: the account has the given e-mail address'),
    is(u.role, 'admin', 'create_admin: the account has the role admin'),
    is(u.full_name, 'New Admin', 'create_admin: the account has the given name'))
from api.users as u where u.id = :'new_admin';
set local app.verified_role = '';
select collect_tap(
    is(l.user_id, null, 'create_admin: the audit log has no user for a call without a context'),
    is(l.database_login, session_user, 'create_admin: the audit log has the database login'),
    ok(not l.new ? 'password_hash', 'create_admin: the audit log does not have the password hash'))
from app.audit_logs as l where l.table_name = 'users' and l.row_id = :'new_admin';

-- Refusals
set local role telemed_dba;
select throws_ok(
    $$ select ops.create_admin('new@clinic.test', '$2b$04$' || repeat('a', 53), 'Again') $$,
    'TM911', null, 'create_admin: a registered e-mail address is refused, whatever its case');
select throws_ok(
    $$ select ops.create_admin('a@clinic.test', 'secret', 'A') $$,
    '23514', null, 'create_admin: a password that is not hashed is rejected');
select throws_ok(
    $$ select ops.create_admin('a@clinic.test', '$2b$04$' || repeat('a', 53), null) $$,
    '23502', null, 'create_admin: a null name is rejected');
select throws_ok(
    $$ select app.create_user('a@clinic.test', '$2b$04$' || repeat('a', 53), 'A', 'admin') $$,
    '42501', null, 'create_user: a DBA cannot call it');

-- Roles without the right
set local role telemed_api;
select pg_temp.sign_in('admin');
select throws_ok(
    $$ select ops.create_admin('a@clinic.test', '$2b$04$' || repeat('a', 53), 'A') $$,
    '42501', null, 'create_admin: the REST API cannot call it');
set local role telemed_auditor;
select throws_ok(
    $$ select ops.create_admin('a@clinic.test', '$2b$04$' || repeat('a', 53), 'A') $$,
    '42501', null, 'create_admin: an auditor cannot call it');
reset role;
select is_empty(
    $$ select id from app.users where email = 'a@clinic.test' $$,
    'create_admin: a refused call creates no account');

select * from finish();
rollback;
