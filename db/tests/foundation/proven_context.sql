begin;
\ir ../helpers/actors.psql
select plan(25);
reset role;

-- What the REST API signs; see api/context.py
create function pg_temp.sign(
    p_user_id text, p_role text, p_session_id text, p_request_id text,
    p_seconds integer default 60, p_key text default repeat('k', 32))
returns setof text language plpgsql
as $$
declare
    v_valid text := (extract(epoch from clock_timestamp())::bigint + p_seconds)::text;
begin
    perform set_config('app.user_id', p_user_id, true);
    perform set_config('app.role', p_role, true);
    perform set_config('app.request_id', p_request_id, true);
    perform set_config('app.proof', concat_ws('|',
        left(encode(sha256(convert_to('context key ' || p_key, 'UTF8')), 'hex'), 16),
        p_session_id, v_valid,
        encode(extensions.hmac(
            concat_ws('|', p_session_id, v_valid, p_user_id, p_role, p_request_id),
            p_key, 'sha256'), 'hex')), true);
end;
$$;
select ops.add_context_key(repeat('k', 32)) \g /dev/null
select pg_temp.id_of('patient') as patient, gen_random_uuid() as session \gset

select pg_temp.sign(:'patient', 'patient', :'session', 'request');
select collect_tap(
    is(c.user_id, :'patient', 'a genuine context says who is calling'),
    is(c.role, 'patient', 'in which role'),
    is(c.session_id, :'session', 'in which session'),
    is(c.request_id, 'request', 'and under which request'))
from app.proven_context() as c;
select pg_temp.sign('', '', '', 'a|b|c');
select collect_tap(
    is(c.user_id, null, 'somebody who is not signed in is nobody'),
    is(c.role, null, 'in no role'),
    is(c.request_id, 'a|b|c', 'under any request'))
from app.proven_context() as c;

-- What is changed afterwards
create function pg_temp.refused_with(p_name text, p_value text)
returns text language plpgsql
as $$
begin
    perform set_config(p_name, p_value, true);
    perform app.proven_context();
    return 'not refused';
exception when others then
    return sqlstate;
end;
$$;
select pg_temp.sign(:'patient', 'patient', :'session', 'request');
select current_setting('app.proof') as proof \gset
select is(pg_temp.refused_with(v.name, v.value), 'TM101', v.sentence)
from (values
    ('app.user_id', pg_temp.id_of('other_patient')::text, 'another user is refused'),
    ('app.user_id', '', 'so is no user'),
    ('app.user_id', upper(:'patient'), 'and the same one in capital letters'),
    ('app.role', 'admin', 'another role is refused'),
    ('app.request_id', 'request2', 'another request is refused'),
    ('app.proof', replace(:'proof', :'session', gen_random_uuid()::text),
     'another session is refused'),
    ('app.proof', regexp_replace(:'proof', '\|([0-9]{10})\|', '|9999999999|'),
     'a later end is refused'),
    ('app.proof', left(:'proof', -1), 'a shortened proof is refused'),
    ('app.proof', regexp_replace(:'proof', '^[^|]+', 'database'), 'another key is refused'),
    ('app.proof', regexp_replace(:'proof', '^[^|]+', 'unknown'), 'an unknown one is refused'),
    ('app.proof', '|||', 'an empty one is refused'),
    ('app.proof', '', 'a missing one is refused')) as v (name, value, sentence);

select pg_temp.sign(:'patient', 'patient', :'session', 'admin|request');
select set_config('app.user_id', :'patient' || '|patient', true),
    set_config('app.role', 'admin', true), set_config('app.request_id', 'request', true) \g /dev/null
select throws_ok(
    'select app.proven_context()', 'TM101', null, 'a request id does not pass for a role');

select pg_temp.sign(:'patient', 'patient', :'session', 'request', -1);
select throws_ok('select app.proven_context()', 'TM101', null, 'an old context is refused');
select pg_temp.sign(:'patient', 'patient', '', 'request');
select throws_ok(
    'select app.proven_context()', 'TM101', null, 'the REST API has to name the session');
select pg_temp.sign(:'patient', 'patient', :'session', 'request', 60, repeat('x', 32));
select throws_ok('select app.proven_context()', 'TM101', null, 'a key of one''s own is refused');
select pg_temp.sign_in('nobody');
delete from app.context_keys where id <> 'database';
select pg_temp.sign(:'patient', 'patient', :'session', 'request');
select throws_ok('select app.proven_context()', 'TM101', null, 'so is one that was dropped');

-- The end of a transaction is the end of what the database signed; a stolen proof shows it.
select pg_temp.sign_in('patient');
select set_config('app.proof',
    regexp_replace(current_setting('app.proof'), '-[0-9.]+\|', '-1.5|'), true) \g /dev/null
select throws_ok(
    'select app.proven_context()', 'TM101', null, 'the context of another transaction is refused');

select * from finish();
rollback;
