begin;
\ir ../helpers/actors.psql
select plan(30);
reset role;

create function pg_temp.new_reset(p_name text, p_token text)
returns uuid language sql
as $$
    insert into app.password_resets (user_id, token_hash)
    values (pg_temp.id_of(p_name), sha256(convert_to(p_token, 'UTF8')))
    returning id
$$;

-- Constraints
select pg_temp.sign_in('nobody', p_request_id => 'forgotten');
select pg_temp.new_reset('patient', 'first') as reset \gset
select collect_tap(
    is(r.requested_at::timestamptz, '2027-01-04 08:00:00+00', 'A password reset begins now'),
    is(r.expires_at::timestamptz, '2027-01-04 08:30:00+00',
        'A password reset is valid for 30 minutes'),
    is(r.used_at::timestamptz, null, 'A new password reset is unused'),
    is(r.revoked_at::timestamptz, null, 'A new password reset is not revoked'))
from app.password_resets as r where r.id = :'reset';
select throws_ok(
    format($$
    insert into app.password_resets (user_id, token_hash, requested_from)
    values (%L, sha256('second'), 'an address')
    $$, pg_temp.id_of('other_patient')),
    '23514', null, 'A client address in clear is refused');
select throws_ok(
    $$ select pg_temp.new_reset('other_patient', 'first') $$, '23505', null,
    'A second password reset with the same token is refused');
select throws_ok(
    format($$
    insert into app.password_resets (user_id, token_hash) values (%L, 'in clear')
    $$, pg_temp.id_of('other_patient')),
    '23514', null, 'A token in clear is refused');
select throws_ok(
    $$ select pg_temp.new_reset('unknown', 'third') $$, '23502', null,
    'A password reset without a user is refused');
select throws_ok(
    $$
    insert into app.password_resets (user_id, token_hash)
    values (gen_random_uuid(), sha256('third'))
    $$,
    '23503', null, 'A password reset of a user who does not exist is refused');
select is(
    pg_temp.refusal('nobody', format(
        'update app.password_resets set %s where id = %L', v.change, :'reset')),
    v.refusal, v.sentence)
from (values
    ('expires_at = requested_at', '23514', 'A password reset that ends when it begins is refused'),
    ('expires_at = ''infinity''', '23514', 'A password reset that never ends is refused'),
    ('used_at = app.clock(), revoked_at = app.clock()', '23514',
     'A password reset that is both used and revoked is refused'),
    ('token_hash = sha256(''other'')', 'TM912', 'A password reset keeps its token'),
    ('user_id = gen_random_uuid()', 'TM912', 'A password reset keeps its user'),
    ('id = gen_random_uuid()', 'TM912', 'A password reset keeps its id'),
    ('used_at = app.clock()', null, 'A password reset can be used'),
    ('used_at = null', 'TM912', 'A used password reset cannot become unused'),
    ('revoked_at = app.clock(), used_at = null', 'TM912',
     'A used password reset cannot become revoked')
) as v (change, refusal, sentence);

-- Permanence
select throws_ok('delete from app.password_resets', 'TM912', null,
    'A password reset of the last 30 days cannot be deleted');
select throws_ok('truncate app.password_resets cascade', 'TM912', null,
    'The password resets cannot be truncated');

-- Changes of the account
select pg_temp.new_reset(n, n) from unnest(array['patient', 'other_patient', 'admin', 'doctor']) as n
\g /dev/null
create function pg_temp.in_force()
returns text language sql
as $$
    select string_agg(a.name, ' ' order by a.name)
    from app.password_resets as r
    inner join actor as a on a.id = r.user_id
    where r.used_at is null and r.revoked_at is null
$$;
select is(pg_temp.in_force(), 'admin doctor other_patient patient',
    'Four users have a password reset in force before something changes');
update app.users set password_hash = '$2b$04$' || repeat('b', 53)
where id = pg_temp.id_of('patient');
select is(pg_temp.in_force(), 'admin doctor other_patient',
    'A new password revokes the password resets of the user');
update app.users set role = 'admin' where id = pg_temp.id_of('other_patient');
select is(pg_temp.in_force(), 'admin doctor',
    'Another role revokes the password resets of the user');
update app.users set deactivated_at = app.clock() where id = pg_temp.id_of('doctor');
select is(pg_temp.in_force(), 'admin', 'A deactivation revokes the password resets of the user');
update app.users set deactivated_at = null where id = pg_temp.id_of('doctor');
select is(pg_temp.in_force(), 'admin', 'An activation changes no password reset');
update app.users set email = 'chief@clinic.test' where id = pg_temp.id_of('admin');
select is(pg_temp.in_force(), null,
    'A new e-mail address revokes the password resets that were sent to the old one');

-- The audit log
select collect_tap(
    is(count(*), 2::bigint, 'The audit log has the request and the use of a password reset'),
    is(min(l.request_id::text) filter (where l.operation = 'INSERT'), 'forgotten',
        'The audit log names the HTTP request of a password reset'))
from app.audit_logs as l where l.table_name = 'password_resets' and l.row_id = :'reset';
select is_empty(
    $$
    select id from app.audit_logs
    where table_name = 'password_resets'
      and ((coalesce(old, '{}') || coalesce(new, '{}')) ? 'token_hash'
           or position(encode(sha256('first'), 'hex') in concat(old, new)) > 0)
    $$,
    'The audit log holds neither a token nor its hash');
set local role telemed_owner;
select is_empty(
    'select id from app.password_resets', 'The owner sees no password reset');
reset role;

select * from finish();
rollback;
