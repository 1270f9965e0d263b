begin;
\ir ../helpers/actors.psql
select plan(34);
reset role;

create function pg_temp.insert_user(
    p_email text default 'new@clinic.test',
    p_password_hash text default '$2b$04$' || repeat('a', 53),
    p_role text default 'patient')
returns uuid language sql
as $$
    insert into app.users (email, password_hash, role)
    values (p_email, p_password_hash, p_role)
    returning id
$$;

-- Constraints
select pg_temp.insert_user() as new_user \gset
select collect_tap(
    matches(u.id::text, '^[0-9a-f]{8}-[0-9a-f]{4}-7', 'An account gets a time-ordered id'),
    is(u.created_at::timestamptz, '2027-01-04 08:00:00+00', 'An account is created now'),
    is(u.deactivated_at::timestamptz, null, 'A new account is active'))
from app.users as u where u.id = :'new_user';
select throws_ok(
    $$ select pg_temp.insert_user(p_email => 'new@clinic.test') $$,
    '23505', null, 'A second account with the same e-mail address is refused');
select throws_ok(
    $$ select pg_temp.insert_user(p_email => 'NEW@Clinic.test') $$,
    '23505', null, 'A second account with the e-mail address in another case is refused');
update app.users set email = 'JOSÉ@clinic.test' where id = pg_temp.id_of('other_patient');
select throws_ok(
    format('select pg_temp.insert_user(p_email => %L)', normalize('josé@clinic.test', nfd)),
    '23505', null, 'A second account with another composition of the accents is refused');
select throws_ok(
    format('select pg_temp.insert_user(p_email => %L)', U&'new\200B@clinic.test'),
    '23514', null, 'An e-mail address with a hidden character is refused');
select throws_ok(
    $$ select pg_temp.insert_user(p_email => 'no address') $$,
    '23514', null, 'A text that is no e-mail address is refused');
select throws_ok(
    $$ select pg_temp.insert_user(p_email => null) $$, '23502', null,
    'An account without an e-mail address is refused');
select throws_ok(
    $$ select pg_temp.insert_user('a@clinic.test', 'secret') $$,
    '23514', null, 'A password in clear is refused');
select throws_ok(
    $$ select pg_temp.insert_user('a@clinic.test', null) $$,
    '23502', null, 'An account without a password is refused');
select throws_ok(
    $$ select pg_temp.insert_user('a@clinic.test', p_role => 'owner') $$,
    '23514', null, 'An unknown role is refused');
select throws_ok(
    $$ select pg_temp.insert_user('a@clinic.test', p_role => null) $$,
    '23502', null, 'An account without a role is refused');
select throws_ok(
    format(
        $$ update app.users set mfa_secret = decode(repeat('00', 1025), 'hex') where id = %L $$,
        :'new_user'),
    '23514', null, 'A secret of a second factor with more than 1024 bytes is refused');
select throws_ok(
    format($$ update app.users set mfa_confirmed_at = app.clock() where id = %L $$, :'new_user'),
    '23514', null, 'The confirmation of a second factor without a secret is refused');
select lives_ok(
    format(
        $$
        update app.users set mfa_secret = '\x00', mfa_confirmed_at = app.clock() where id = %L
        $$,
        :'new_user'),
    'The confirmation of a second factor with a secret is accepted');
select throws_ok(
    format($$ update app.users set deactivated_at = 'infinity' where id = %L $$, :'new_user'),
    '23514', null, 'A deactivation at infinity is refused');

-- Permanence
select throws_ok(
    format('delete from app.users where id = %L', :'new_user'),
    'TM912', null, 'An account cannot be deleted');
select is(
    pg_temp.refusal_at_commit('nobody', format(
        'insert into app.profiles (user_id, full_name) values (%L, ''New User'')', :'new_user')),
    null, 'A new account with a profile is accepted at commit');
select throws_ok(
    'truncate app.users cascade', 'TM912', null, 'The accounts cannot be truncated');
select throws_ok(
    format($$ update app.users set role = 'patient' where id = %L $$, pg_temp.id_of('doctor')),
    '23503', null, 'A doctor with a doctor row keeps the role doctor');

-- The audit log
select pg_temp.sign_in('admin', p_request_id => 'deactivation');
update app.users
set deactivated_at = app.clock(), password_hash = '$2b$04$' || repeat('b', 53)
where id = :'new_user';
select collect_tap(
    is(l.operation, 'UPDATE', 'The audit log has a change of an account'),
    is(l.row_id, :'new_user', 'The audit log names the account'),
    is(l.old ->> 'deactivated_at', null, 'The audit log has the old values'),
    isnt(l.new ->> 'deactivated_at', null, 'The audit log has the new values'),
    is(l.user_id, pg_temp.id_of('admin'), 'The audit log names the user who changed the account'),
    is(l.role::text, 'admin', 'The audit log names the role of the user who changed the account'),
    is(l.request_id::text, 'deactivation', 'The audit log names the request'),
    is(l.database_login, session_user, 'The audit log names the database login'))
from app.audit_logs as l where l.table_name = 'users' order by l.id desc limit 1;
select is(l.new ->> 'email', 'new@clinic.test', 'The audit log has a new account')
from app.audit_logs as l
where l.table_name = 'users' and l.row_id = :'new_user' and l.operation = 'INSERT';
select is_empty(
    $$
    select id from app.audit_logs
    where table_name = 'users'
      and (coalesce(old, '{}') || coalesce(new, '{}')) ?| '{password_hash,mfa_secret}'
    $$,
    'The audit log has neither the password hash nor the secret of an account');
select is_empty(
    $$
    select id from app.audit_logs
    where concat(old, new) ~ 'aaaaaaaaaa|bbbbbbbbbb|\$2b\$'
    $$,
    'The audit log does not hold a password hash anywhere');
select hasnt_column('api', 'users', 'password_hash', 'The view api.users has no password hash');
select hasnt_column('api', 'users', 'mfa_secret',
    'The view api.users has no secret of a second factor');

select * from finish();
rollback;
