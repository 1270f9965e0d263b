begin;
\ir ../helpers/actors.psql
select plan(28);

-- The permitted path
select pg_temp.sign_in('nobody');
select id as new_user from api.sign_up('Eve@Clinic.test', '$2b$04$' || repeat('e', 53),
'Eve Example') \gset
reset role;
set local app.verified_role = 'admin';
select collect_tap(
    is(u.email, 'Eve@Clinic.test', 'a visitor signs up under their address'),
    is(u.role, 'patient', 'as a patient'),
    is(u.full_name, 'Eve Example', 'with their name'),
    is(u.phone, null, 'no phone number yet'),
    is(u.date_of_birth, null, 'and no date of birth'),
    is(u.created_at, '2027-01-04 08:00:00+00', 'now'))
from api.users as u where u.id = :'new_user';
select is(u.password_hash::text, '$2b$04$' || repeat('e', 53), 'the password is kept as its hash')
from app.users as u where u.id = :'new_user';
select collect_tap(
    is(l.operation, 'INSERT', 'signing up leaves a trace'),
    is(l.user_id, :'new_user', 'of the new patient'),
    is(l.role::text, 'patient', 'in their role'),
    is(l.request_id::text, 'test', 'under the request'))
from app.audit_logs as l where l.table_name = 'users' and l.row_id = :'new_user';
select is(l.user_id, :'new_user', 'and so does the profile')
from app.audit_logs as l where l.table_name = 'profiles' and l.row_id = :'new_user';
set local role telemed_api;
select lives_ok(
    'set constraints all immediate',
    'the checks at the end of the transaction read what the REST API may not');
set constraints all deferred;

select is((api.my_profile()).id, :'new_user', 'who has signed up can act');

select pg_temp.sign_in('admin');
select is(
    (api.sign_up('b@clinic.test', '$2b$04$' || repeat('a', 53), 'B')).role, 'patient',
    'whoever asks, a patient is what is made');
select is((api.my_profile()).email, 'b@clinic.test', 'who then is the caller');
select is(
    (select array_agg(p.name order by p.ordinality)
     from pg_proc as f, unnest(f.proargnames) with ordinality as p (name)
     where f.oid = 'api.sign_up(text, text, text)'::regprocedure),
    '{p_email,p_password_hash,p_full_name}', 'there is no way to ask for a role');

-- Refusals
select pg_temp.sign_in('nobody');
select throws_ok(
    $$ select api.sign_up('eve@clinic.TEST', '$2b$04$' || repeat('a', 53), 'Eve Again') $$,
    'TM911', 'The e-mail address is registered already',
    'an address signs up once, however it is written');
select throws_ok(
    format('select api.sign_up(%L, %L, %L)', v.email, v.password_hash, v.full_name),
    v.code, null, v.sentence)
from (values
    (null, '$2b$04$' || repeat('a', 53), 'C', '23502', 'nobody signs up without an address'),
    ('c@clinic.test', null, 'C', '23502', 'nor without a password'),
    ('c@clinic.test', '$2b$04$' || repeat('a', 53), null, '23502', 'nor without a name'),
    ('clinic.test', '$2b$04$' || repeat('a', 53), 'C', '23514', 'an address has an at sign'),
    (repeat('c', 246) || '@clinic.test', '$2b$04$' || repeat('a', 53), 'C', '23514',
     'an address is not longer than 254 characters'),
    ('c@clinic.test', 'telemedicine-demo', 'C', '23514', 'a password in clear is refused'),
    ('c@clinic.test', '$2b$04$' || repeat('a', 53), E'C\nD', '23514', 'a name is one line'),
    ('c@clinic.test', '$2b$04$' || repeat('a', 53), repeat('C', 201), '23514',
     'of at most 200 characters')) as v (email, password_hash, full_name, code, sentence);
reset role;
select is(count(*), 7::bigint, 'a refused visitor leaves no account') from app.users;
select is(count(*), 7::bigint, 'and no profile') from app.profiles;

select * from finish();
rollback;
