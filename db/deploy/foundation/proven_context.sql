-- Deploy telemed:foundation/proven_context to pg

begin;

create type app.context as (user_id uuid, role text, session_id uuid, request_id text);

comment on type app.context is
'Who is calling, proven. user_id is null for somebody who is not signed in; session_id is null in a
context that the database made itself for somebody who did not log in.';

-- HMAC-SHA-256 (RFC 2104) over all that is said of the caller, so that no part of one context is of
-- use in another. request_id comes last, because it may contain a bar. app.set_actor signs in the
-- same way, and so does the REST API.
set local role telemed_internal;
create function app.this_transaction()
returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
    return format('%s-%s', pg_backend_pid(), extract(epoch from transaction_timestamp()));
end;
$$;

comment on function app.this_transaction() is
'A name that no other transaction has had: process and start.';

create function app.proven_context()
returns app.context
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    -- After a commit a transaction-local variable reads as '', not as null.
    v_proof text := nullif(current_setting('app.proof', true), '');
    v_key_id text := split_part(v_proof, '|', 1);
    v_session_id text := split_part(v_proof, '|', 2);
    v_valid text := split_part(v_proof, '|', 3);
    v_user_id text := coalesce(current_setting('app.user_id', true), '');
    v_role text := coalesce(current_setting('app.role', true), '');
    v_request_id text := coalesce(current_setting('app.request_id', true), '');
    v_mac bytea;
begin
    if v_proof is null then
        raise exception 'Not signed in' using errcode = 'TM101';
    end if;

    select
        extensions.hmac(
            convert_to(
                format(
                    '%s|%s|%s|%s|%s', v_session_id, v_valid, v_user_id, v_role, v_request_id),
                'UTF8'),
            k.key,
            'sha256')
    into v_mac
    from app.context_keys as k
    where k.id = v_key_id;
    -- Hashes are compared, so that the time which that takes tells nothing.
    if v_mac is null
        or sha256(convert_to(split_part(v_proof, '|', 4), 'UTF8'))
            <> sha256(convert_to(encode(v_mac, 'hex'), 'UTF8')) then
        raise exception 'The context is not genuine' using errcode = 'TM101';
    end if;
    if (v_key_id = 'database' and v_valid <> app.this_transaction())
        or (v_key_id <> 'database' and v_valid::numeric <= extract(epoch from clock_timestamp()))
        or (v_key_id <> 'database' and v_user_id <> '' and v_session_id = '') then
        raise exception 'The context is no longer valid' using errcode = 'TM101';
    end if;
    return (
        nullif(v_user_id, '')::uuid, nullif(v_role, ''), nullif(v_session_id, '')::uuid,
        nullif(v_request_id, ''))::app.context;
end;
$$;

comment on function app.proven_context() is
'The context of app.user_id, app.role and app.request_id, if app.proof proves it. What the REST API
signs ends at a time, in seconds since 1970, and names a session; what the database signs ends with
the transaction. Fails closed: raises TM101 without a proof, or with a wrong or an old one.';

commit;
