begin;
\ir ../helpers/actors.psql
select plan(29);
reset role;

create function pg_temp.new_verification(p_name text, p_token text, p_email text default null)
returns uuid language sql
as $$
    insert into app.email_verifications (user_id, email, token_hash)
    select u.id, coalesce(p_email, u.email), sha256(convert_to(p_token, 'UTF8'))
    from app.users as u where u.id = pg_temp.id_of(p_name)
    returning id
$$;

-- Constraints
select pg_temp.sign_in('nobody', p_request_id => 'verify');
select pg_temp.new_verification('patient', 'first') as verification \gset
select collect_tap(
    is(v.requested_at::timestamptz, '2027-01-04 08:00:00+00', 'A verification begins now'),
    is(v.expires_at::timestamptz, '2027-01-05 08:00:00+00',
        'A verification is valid for 24 hours'),
    is(v.used_at::timestamptz, null, 'A new verification is unused'),
    is(v.revoked_at::timestamptz, null, 'A new verification is not revoked'))
from app.email_verifications as v where v.id = :'verification';
select throws_ok(v.statement, v.code, null, v.sentence)
from (values
    ($$ select pg_temp.new_verification('other_patient', 'first') $$, '23505',
     'A second verification with the same token is refused'),
    (format($$ insert into app.email_verifications (user_id, email, token_hash)
        values (%L, 'a@clinic.test', 'in clear') $$, pg_temp.id_of('other_patient')), '23514',
     'A token in clear is refused'),
    ($$ select pg_temp.new_verification('patient', 'second', 'no address') $$, '23514',
     'A verification of something that is not an e-mail address is refused'),
    ($$ insert into app.email_verifications (user_id, email, token_hash)
        values (gen_random_uuid(), 'a@clinic.test', sha256('third')) $$, '23503',
     'A verification of a user who does not exist is refused'))
    as v (statement, code, sentence);
select is(
    pg_temp.refusal('nobody', format(
        'update app.email_verifications set %s where id = %L', v.change, :'verification')),
    v.refusal, v.sentence)
from (values
    ('expires_at = requested_at', '23514', 'A verification that ends when it begins is refused'),
    ('used_at = app.clock(), revoked_at = app.clock()', '23514',
     'A verification that is both used and revoked is refused'),
    ('token_hash = sha256(''other'')', 'TM912', 'A verification keeps its token'),
    ('email = ''other@clinic.test''', 'TM912', 'A verification keeps its address'),
    ('user_id = gen_random_uuid()', 'TM912', 'A verification keeps its user'),
    ('requested_at = requested_at - interval ''2 hours''', 'TM912',
     'A verification keeps the time of its request'),
    ('used_at = app.clock()', null, 'A verification can be used'),
    ('used_at = null', 'TM912', 'A used verification cannot become unused')
) as v (change, refusal, sentence);
select throws_ok('delete from app.email_verifications', 'TM912', null,
    'A verification of the last 30 days cannot be deleted');
select throws_ok('truncate app.email_verifications cascade', 'TM912', null,
    'The verifications cannot be truncated');

-- An account is verified only by a token
select is(
    pg_temp.refusal('nobody', format(
        'update app.users set %s where id = %L', v.change, pg_temp.id_of(v.actor))),
    v.refusal, v.sentence)
from (values
    ('other_patient', 'email_verified_at = app.clock()', 'TM912',
     'The address of an account without a used token cannot become verified'),
    ('patient', 'email_verified_at = app.clock() - interval ''1 hour''', 'TM912',
     'An address is verified at the time at which its token was used'),
    ('patient', 'email = ''new@clinic.test'', email_verified_at = app.clock()', 'TM912',
     'Another address than that of the token cannot become verified'),
    ('patient', 'email_verified_at = app.clock()', null,
     'The address of an account with a used token can become verified'),
    ('patient', 'email = ''new@clinic.test''', 'TM912',
     'A verified address cannot change without a token'))
    as v (actor, change, refusal, sentence);

-- Changes of the account
select pg_temp.new_verification(n, n) from unnest(
    array['patient', 'other_patient', 'admin', 'doctor', 'other_doctor']) as n \g /dev/null
create function pg_temp.in_force()
returns text language sql
as $$
    select string_agg(distinct a.name, ' ')
    from app.email_verifications as v
    inner join actor as a on a.id = v.user_id
    where v.used_at is null and v.revoked_at is null
$$;
select is(pg_temp.in_force(), 'admin doctor other_doctor other_patient patient',
    'Five users have a verification in force before something changes');
update app.users set password_hash = '$2b$04$' || repeat('b', 53)
where id = pg_temp.id_of('patient');
update app.users set role = 'admin' where id = pg_temp.id_of('other_patient');
select is(pg_temp.in_force(), 'admin doctor other_doctor',
    'A new password or another role revokes the verifications of the user');
update app.users set deactivated_at = app.clock() where id = pg_temp.id_of('doctor');
update app.users set email = 'chief@clinic.test' where id = pg_temp.id_of('admin');
select is(pg_temp.in_force(), 'other_doctor',
    'A deactivation or a new e-mail address revokes the verifications of the user');

-- The audit log
select is(min(l.request_id::text), 'verify', 'The audit log names the request of a verification')
from app.audit_logs as l
where l.table_name = 'email_verifications' and l.row_id = :'verification'
  and l.operation = 'INSERT';
select is_empty(
    $$
    select id from app.audit_logs
    where table_name = 'email_verifications'
      and ((coalesce(old, '{}') || coalesce(new, '{}')) ? 'token_hash'
           or position(encode(sha256('first'), 'hex') in concat(old, new)) > 0)
    $$,
    'The audit log holds neither a token nor its hash');
set local role telemed_owner;
select is_empty('select id from app.email_verifications', 'The owner sees no verification');
reset role;

select * from finish();
rollback;
