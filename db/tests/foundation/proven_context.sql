begin;
\ir ../helpers/actors.psql
select plan(31);
reset role;

-- Signs a context as the REST API does (api/context.py)
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
    is(c.user_id, :'patient', 'proven_context: a genuine context names the user'),
    is(c.role, 'patient', 'proven_context: a genuine context names the role'),
    is(c.session_id, :'session', 'proven_context: a genuine context names the session'),
    is(c.request_id, 'request', 'proven_context: a genuine context names the request'))
from app.proven_context() as c;
select pg_temp.sign('', '', '', 'a|b|c');
select collect_tap(
    is(c.user_id, null, 'proven_context: a context without a log-in has no user'),
    is(c.role, null, 'proven_context: a context without a log-in has no role'),
    is(c.request_id, 'a|b|c',
        'proven_context: a context without a log-in names its request, which may contain bars'))
from app.proven_context() as c;

-- Contexts that are changed after they were signed
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
    ('app.user_id', pg_temp.id_of('other_patient')::text,
     'proven_context: a changed user is refused'),
    ('app.user_id', '', 'proven_context: a removed user is refused'),
    ('app.user_id', upper(:'patient'),
     'proven_context: the id of the user in capital letters is refused'),
    ('app.role', 'admin', 'proven_context: a changed role is refused'),
    ('app.request_id', 'request2', 'proven_context: a changed request id is refused'),
    ('app.proof', replace(:'proof', :'session', gen_random_uuid()::text),
     'proven_context: a changed session is refused'),
    ('app.proof', regexp_replace(:'proof', '\|([0-9]{10})\|', '|9999999999|'),
     'proven_context: a changed expiry time is refused'),
    ('app.proof', left(:'proof', -1), 'proven_context: a shortened context signature is refused'),
    ('app.proof', regexp_replace(:'proof', '^[^|]+', 'database'),
     'proven_context: the id of another context key is refused'),
    ('app.proof', regexp_replace(:'proof', '^[^|]+', 'unknown'),
     'proven_context: the id of an unknown context key is refused'),
    ('app.proof', '|||', 'proven_context: a context signature of empty parts is refused'),
    ('app.proof', '',
     'proven_context: a missing context signature is refused')) as v (name, value, sentence);

select pg_temp.sign(:'patient', 'patient', :'session', 'admin|request');
select set_config('app.user_id', :'patient' || '|patient', true),
    set_config('app.role', 'admin', true), set_config('app.request_id', 'request', true) \g /dev/null
select throws_ok(
    'select app.proven_context()', 'TM101', null,
    'proven_context: a part of the request id cannot pass for a role');

select pg_temp.sign(:'patient', 'patient', :'session', 'request', -1);
select throws_ok('select app.proven_context()', 'TM101', null,
    'proven_context: an expired context is refused');
select pg_temp.sign(:'patient', 'patient', '', 'request');
select throws_ok(
    'select app.proven_context()', 'TM101', null,
    'proven_context: a context of the REST API with a user and without a session is refused');
select pg_temp.sign(:'patient', 'patient', :'session', 'request', 60, repeat('x', 32));
select throws_ok('select app.proven_context()', 'TM101', null,
    'proven_context: a context signature by a key that was never added is refused');
select pg_temp.sign_in('nobody');
delete from app.context_keys where id <> 'database';
select pg_temp.sign(:'patient', 'patient', :'session', 'request');
select throws_ok('select app.proven_context()', 'TM101', null,
    'proven_context: a context signature by a key that was dropped is refused');

-- A context that the database signed ends with its transaction. Here the start is changed.
select pg_temp.sign_in('patient');
select set_config('app.proof',
    regexp_replace(current_setting('app.proof'), '-[0-9.]+\|', '-1.5|'), true) \g /dev/null
select throws_ok(
    'select app.proven_context()', 'TM101', null,
    'proven_context: the context of another transaction is refused');

-- The caller of a change
select throws_ok(
    'select app.caller_of_change()', 'TM101', null,
    'caller_of_change: the context of another transaction is refused');
select pg_temp.sign_in('patient', p_request_id => 'by hand');
select is(c.user_id || ' ' || c.role || ' ' || c.request_id, :'patient' || ' patient by hand',
    'caller_of_change: without an earlier call the signature is verified')
from app.caller_of_change() as c;
select set_config('app.verified_user_id', :'patient', true),
    set_config('app.verified_role', 'verified', true), set_config('app.proof', 'x', true)
\g /dev/null
select is(c.user_id || ' ' || c.role, :'patient' || ' verified',
    'caller_of_change: what an earlier call has verified holds')
from app.caller_of_change() as c;
select set_config('app.request_id', '', true) \g /dev/null
select is(c.request_id, null, 'caller_of_change: an empty request id becomes null')
from app.caller_of_change() as c;
select set_config('app.user_id', gen_random_uuid()::text, true) \g /dev/null
select throws_ok('select app.caller_of_change()', 'TM101', null,
    'caller_of_change: it does not hold for another user');
select set_config('app.proof', '', true) \g /dev/null
select is(app.caller_of_change(), null, 'caller_of_change: without a signature nobody is the caller');

select * from finish();
rollback;
