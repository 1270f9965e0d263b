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

-- What an account may look like
select pg_temp.insert_user() as new_user \gset
select collect_tap(
    matches(u.id::text, '^[0-9a-f]{8}-[0-9a-f]{4}-7', 'an account gets a time-ordered id'),
    is(u.created_at::timestamptz, '2027-01-04 08:00:00+00', 'is made now'),
    is(u.deactivated_at::timestamptz, null, 'and is active'))
from app.users as u where u.id = :'new_user';
select throws_ok(
    $$ select pg_temp.insert_user(p_email => 'new@clinic.test') $$,
    '23505', null, 'an e-mail address has one account');
select throws_ok(
    $$ select pg_temp.insert_user(p_email => 'NEW@Clinic.test') $$,
    '23505', null, 'however its capital letters are written');
update app.users set email = 'JOSÉ@clinic.test' where id = pg_temp.id_of('other_patient');
select throws_ok(
    format('select pg_temp.insert_user(p_email => %L)', normalize('josé@clinic.test', nfd)),
    '23505', null, 'and however its accents are');
select throws_ok(
    format('select pg_temp.insert_user(p_email => %L)', U&'new\200B@clinic.test'),
    '23514', null, 'an address with a hidden character is refused');
select throws_ok(
    $$ select pg_temp.insert_user(p_email => 'no address') $$,
    '23514', null, 'what is not an e-mail address is refused');
select throws_ok(
    $$ select pg_temp.insert_user(p_email => null) $$, '23502', null, 'an account has an address');
select throws_ok(
    $$ select pg_temp.insert_user('a@clinic.test', 'secret') $$,
    '23514', null, 'a password in clear cannot be stored');
select throws_ok(
    $$ select pg_temp.insert_user('a@clinic.test', null) $$,
    '23502', null, 'an account has a password');
select throws_ok(
    $$ select pg_temp.insert_user('a@clinic.test', p_role => 'owner') $$,
    '23514', null, 'a role that is not known is refused');
select throws_ok(
    $$ select pg_temp.insert_user('a@clinic.test', p_role => null) $$,
    '23502', null, 'an account has a role');
select throws_ok(
    format(
        $$ update app.users set mfa_secret = decode(repeat('00', 1025), 'hex') where id = %L $$,
        :'new_user'),
    '23514', null, 'the secret of a second factor has at most 1024 bytes');
select throws_ok(
    format($$ update app.users set mfa_confirmed_at = app.clock() where id = %L $$, :'new_user'),
    '23514', null, 'a second factor is confirmed only where there is one');
select lives_ok(
    format(
        $$
        update app.users set mfa_secret = '\x00', mfa_confirmed_at = app.clock() where id = %L
        $$,
        :'new_user'),
    'a second factor that is there can be confirmed');
select throws_ok(
    format($$ update app.users set deactivated_at = 'infinity' where id = %L $$, :'new_user'),
    '23514', null, 'an account is deactivated at a time that clients can read');

-- Permanence
select throws_ok(
    format('delete from app.users where id = %L', :'new_user'),
    'TM912', null, 'an account is deactivated, never deleted');
select is(
    pg_temp.refusal_at_commit('nobody', format(
        'insert into app.profiles (user_id, full_name) values (%L, ''New User'')', :'new_user')),
    null, 'a new account that has a profile may stay');
select throws_ok(
    'truncate app.users cascade', 'TM912', null, 'nor are all of them at once');
select throws_ok(
    format($$ update app.users set role = 'patient' where id = %L $$, pg_temp.id_of('doctor')),
    '23503', null, 'a doctor with a practice stays a doctor');

-- The trail
select pg_temp.sign_in('admin', p_request_id => 'deactivation');
update app.users
set deactivated_at = app.clock(), password_hash = '$2b$04$' || repeat('b', 53)
where id = :'new_user';
select collect_tap(
    is(l.operation, 'UPDATE', 'a change of an account leaves a trace'),
    is(l.row_id, :'new_user', 'of the account'),
    is(l.old ->> 'deactivated_at', null, 'with the old values'),
    isnt(l.new ->> 'deactivated_at', null, 'and the new ones'),
    is(l.user_id, pg_temp.id_of('admin'), 'of the user who made it'),
    is(l.role::text, 'admin', 'in their role'),
    is(l.request_id::text, 'deactivation', 'by their request'),
    is(l.database_login, session_user, 'through their login to the database'))
from app.audit_logs as l where l.table_name = 'users' order by l.id desc limit 1;
select is(l.new ->> 'email', 'new@clinic.test', 'a new account leaves a trace too')
from app.audit_logs as l
where l.table_name = 'users' and l.row_id = :'new_user' and l.operation = 'INSERT';
select is_empty(
    $$
    select id from app.audit_logs
    where table_name = 'users'
      and (coalesce(old, '{}') || coalesce(new, '{}')) ?| '{password_hash,mfa_secret}'
    $$,
    'no trace of an account has a column of a secret');
select is_empty(
    $$
    select id from app.audit_logs
    where concat(old, new) ~ 'aaaaaaaaaa|bbbbbbbbbb|\$2b\$'
    $$,
    'no trace anywhere has a password hash in it');
select hasnt_column('api', 'users', 'password_hash', 'the hash has no place in what is returned');
select hasnt_column('api', 'users', 'mfa_secret', 'nor has the second factor');

select * from finish();
rollback;
