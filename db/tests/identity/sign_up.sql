begin;
\ir ../helpers/actors.psql
select plan(31);

-- The permitted path
select pg_temp.sign_in('nobody');
select id as new_user, verification_token as token
from api.sign_up('Eve@Clinic.test', '$2b$04$' || repeat('e', 53),
'Eve Example') \gset
reset role;
set local app.verified_role = 'admin';
select collect_tap(
    is(u.email, 'Eve@Clinic.test', 'sign_up: the account has the given e-mail address'),
    is(u.role, 'patient', 'sign_up: the account has the role patient'),
    is(u.full_name, 'Eve Example', 'sign_up: the profile has the given name'),
    is(u.phone, null, 'sign_up: the profile has no phone number'),
    is(u.date_of_birth, null, 'sign_up: the profile has no date of birth'),
    is(u.created_at, '2027-01-04 08:00:00+00', 'sign_up: the account is created now'))
from api.users as u where u.id = :'new_user';
select collect_tap(
    is(u.email_verified_at, null, 'sign_up: the new address is not verified'),
    is(v.token_hash, sha256(convert_to(:'token', 'UTF8')),
        'sign_up: the answer has the token that verifies the address'),
    is(v.email::text, 'Eve@Clinic.test', 'sign_up: the token is for the given address'))
from app.users as u
inner join app.email_verifications as v on v.user_id = u.id
where u.id = :'new_user';
select is(u.password_hash::text, '$2b$04$' || repeat('e', 53),
    'sign_up: the password is stored as its hash')
from app.users as u where u.id = :'new_user';
select collect_tap(
    is(l.operation, 'INSERT', 'sign_up: the audit log has the new account'),
    is(l.user_id, :'new_user', 'sign_up: the audit log names the new patient'),
    is(l.role::text, 'patient', 'sign_up: the audit log names the role of the new patient'),
    is(l.request_id::text, 'test', 'sign_up: the audit log names the request'))
from app.audit_logs as l where l.table_name = 'users' and l.row_id = :'new_user';
select is(l.user_id, :'new_user',
    'sign_up: the audit log names the new patient for the profile as well')
from app.audit_logs as l where l.table_name = 'profiles' and l.row_id = :'new_user';
set local role telemed_api;
select lives_ok(
    'set constraints all immediate',
    'sign_up: the deferred checks work although the REST API cannot read the tables');
set constraints all deferred;

select is((api.my_profile()).id, :'new_user',
    'sign_up: the new patient is the actor of the transaction');

select pg_temp.sign_in('admin');
select is(
    (api.sign_up('b@clinic.test', '$2b$04$' || repeat('a', 53), 'B')).role, 'patient',
    'sign_up: a call by an admin creates a patient as well');
select is((api.my_profile()).email, 'b@clinic.test',
    'sign_up: the new patient replaces the admin as the actor');
select is(
    (select array_agg(p.name order by p.ordinality)
     from pg_proc as f, unnest(f.proargnames) with ordinality as p (name)
     where f.oid = 'api.sign_up(text, text, text)'::regprocedure),
    '{p_email,p_password_hash,p_full_name}', 'sign_up: the function has no parameter for a role');

-- Refusals
select pg_temp.sign_in('nobody');
select throws_ok(
    $$ select api.sign_up('eve@clinic.TEST', '$2b$04$' || repeat('a', 53), 'Eve Again') $$,
    'TM911', 'The e-mail address is registered already',
    'sign_up: a registered e-mail address is refused, whatever its case');
select throws_ok(
    format('select api.sign_up(%L, %L, %L)', v.email, v.password_hash, v.full_name),
    v.code, null, v.sentence)
from (values
    (null, '$2b$04$' || repeat('a', 53), 'C', '23502', 'sign_up: a null e-mail address is refused'),
    ('c@clinic.test', null, 'C', '23502', 'sign_up: a null password is refused'),
    ('c@clinic.test', '$2b$04$' || repeat('a', 53), null, '23502',
     'sign_up: a null name is refused'),
    ('clinic.test', '$2b$04$' || repeat('a', 53), 'C', '23514',
     'sign_up: an e-mail address without an at sign is refused'),
    (repeat('c', 246) || '@clinic.test', '$2b$04$' || repeat('a', 53), 'C', '23514',
     'sign_up: an e-mail address of more than 254 characters is refused'),
    ('c@clinic.test', 'telemedicine-demo', 'C', '23514', 'sign_up: a password in clear is refused'),
    ('c@clinic.test', '$2b$04$' || repeat('a', 53), E'C\nD', '23514',
     'sign_up: a name of two lines is refused'),
    ('c@clinic.test', '$2b$04$' || repeat('a', 53), repeat('C', 201), '23514',
     'sign_up: a name of 201 characters is refused'))
as v (email, password_hash, full_name, code, sentence);
reset role;
select is(count(*), 7::bigint, 'sign_up: a refusal leaves no account') from app.users;
select is(count(*), 7::bigint, 'sign_up: a refusal leaves no profile') from app.profiles;

select * from finish();
rollback;
