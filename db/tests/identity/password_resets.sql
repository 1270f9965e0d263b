begin;
\ir ../helpers/actors.psql
select plan(29);
reset role;

create function pg_temp.new_reset(p_name text, p_token text)
returns uuid language sql
as $$
    insert into app.password_resets (user_id, token_hash)
    values (pg_temp.id_of(p_name), sha256(convert_to(p_token, 'UTF8')))
    returning id
$$;

-- What a reset looks like
select pg_temp.sign_in('nobody', p_request_id => 'forgotten');
select pg_temp.new_reset('patient', 'first') as reset \gset
select collect_tap(
    is(r.requested_at::timestamptz, '2027-01-04 08:00:00+00', 'a password reset begins now'),
    is(r.expires_at::timestamptz, '2027-01-04 08:30:00+00', 'and is good for 30 minutes'),
    is(r.used_at::timestamptz, null, 'unless it is used'),
    is(r.revoked_at::timestamptz, null, 'or revoked'))
from app.password_resets as r where r.id = :'reset';
select throws_ok(
    format($$
    insert into app.password_resets (user_id, token_hash, requested_from)
    values (%L, sha256('second'), 'an address')
    $$, pg_temp.id_of('other_patient')),
    '23514', null, 'an address is not stored in clear');
select throws_ok(
    $$ select pg_temp.new_reset('other_patient', 'first') $$, '23505', null,
    'no two have the same token');
select throws_ok(
    format($$
    insert into app.password_resets (user_id, token_hash) values (%L, 'in clear')
    $$, pg_temp.id_of('other_patient')),
    '23514', null, 'a token is not stored in clear');
select throws_ok(
    $$ select pg_temp.new_reset('unknown', 'third') $$, '23502', null, 'a reset has a user');
select throws_ok(
    $$
    insert into app.password_resets (user_id, token_hash)
    values (gen_random_uuid(), sha256('third'))
    $$,
    '23503', null, 'who exists');
select is(
    pg_temp.refusal('nobody', format(
        'update app.password_resets set %s where id = %L', v.change, :'reset')),
    v.refusal, v.sentence)
from (values
    ('expires_at = requested_at', '23514', 'it ends after it begins'),
    ('expires_at = ''infinity''', '23514', 'and does not last for ever'),
    ('used_at = app.clock(), revoked_at = app.clock()', '23514', 'it is used or revoked, not both'),
    ('token_hash = sha256(''other'')', 'TM912', 'its token is not exchanged'),
    ('user_id = gen_random_uuid()', 'TM912', 'it stays its user''s'),
    ('id = gen_random_uuid()', 'TM912', 'and itself'),
    ('used_at = app.clock()', null, 'it is used'),
    ('used_at = null', 'TM912', 'once'),
    ('revoked_at = app.clock(), used_at = null', 'TM912', 'and is not revoked instead')
) as v (change, refusal, sentence);

-- Permanence
select throws_ok('delete from app.password_resets', 'TM912', null, 'no reset is deleted');
select throws_ok('truncate app.password_resets', 'TM912', null, 'nor are all of them');

-- What it rests on
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
select is(pg_temp.in_force(), 'admin doctor other_patient patient', 'four people wait for a message');
update app.users set password_hash = '$2b$04$' || repeat('b', 53)
where id = pg_temp.id_of('patient');
select is(pg_temp.in_force(), 'admin doctor other_patient', 'a new password revokes the reset');
update app.users set role = 'admin' where id = pg_temp.id_of('other_patient');
select is(pg_temp.in_force(), 'admin doctor', 'so does another role');
update app.users set deactivated_at = app.clock() where id = pg_temp.id_of('doctor');
select is(pg_temp.in_force(), 'admin', 'or a deactivated account');
update app.users set deactivated_at = null where id = pg_temp.id_of('doctor');
update app.users set email = 'chief@clinic.test' where id = pg_temp.id_of('admin');
select is(pg_temp.in_force(), 'admin', 'nothing else does, or brings one back');

-- The trail
select collect_tap(
    is(count(*), 2::bigint, 'a reset leaves a trace when it is made and when it is used'),
    is(min(l.request_id::text) filter (where l.operation = 'INSERT'), 'forgotten', 'with its request'))
from app.audit_logs as l where l.table_name = 'password_resets' and l.row_id = :'reset';
select is_empty(
    $$
    select id from app.audit_logs
    where table_name = 'password_resets'
      and ((coalesce(old, '{}') || coalesce(new, '{}')) ? 'token_hash'
           or position(encode(sha256('first'), 'hex') in concat(old, new)) > 0)
    $$,
    'but no token, not even a hashed one');
set local role telemed_owner;
select is_empty(
    'select id from app.password_resets', 'functions of the owner see no reset, whoever calls');
reset role;

select * from finish();
rollback;
