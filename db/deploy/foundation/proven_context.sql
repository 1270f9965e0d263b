-- Deploy telemed:foundation/proven_context to pg

begin;

create type app.context as (user_id uuid, role text, session_id uuid, request_id text);

comment on type app.context is
'A context with a valid context signature. user_id is null for a caller who is not logged in;
session_id is null if the database signed the context without a session, as after ops.act_as.';

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
'A name that no other transaction has had: the process id and the start time.';

-- The context signature, app.proof, is: key id|session id|validity|HMAC-SHA-256 (RFC 2104) in
-- hexadecimal digits. It covers everything that a context says about the caller, so that no part of
-- one context can be used in another. request_id comes last, because it may contain a bar; user_id
-- and role may not, or a part of one could pass for another. app.set_actor and the REST API sign in
-- the same way. Hashes are compared, so that a timing difference reveals nothing about the HMAC.
--
-- A view, because PL/pgSQL prepares each of its expressions again in each transaction: in one query
-- they cost a third.
create view app.contexts as
select
    c.is_there,
    c.is_proven,
    case when c.is_proven then nullif(c.user_id, '')::uuid end as user_id,
    case when c.is_proven then nullif(c.role, '') end as role,
    case when c.is_proven then nullif(c.proof[2], '')::uuid end as session_id,
    case when c.is_proven then nullif(c.request_id, '') end as request_id
from (
    select
        s.*,
        s.proof is not null as is_there,
        case
            when k.id is null
                or position('|' in s.user_id || s.role) > 0
                or sha256(convert_to(s.proof[4], 'UTF8')) is distinct from sha256(convert_to(
                    encode(
                        extensions.hmac(
                            convert_to(
                                format(
                                    '%s|%s|%s|%s|%s',
                                    s.proof[2], s.proof[3], s.user_id, s.role, s.request_id),
                                'UTF8'),
                            k.key,
                            'sha256'),
                        'hex'),
                    'UTF8')) then false
            when k.id = 'database' then s.proof[3] = app.this_transaction()
            else s.proof[3]::bigint > extract(epoch from clock_timestamp())
                and (s.user_id = '' or s.proof[2] <> '')
        end as is_proven
    from (
        -- After a commit a transaction-local setting is an empty text, not null. `offset` keeps the
        -- planner from computing an expression again wherever it is used.
        select
            string_to_array(nullif(current_setting('app.proof', true), ''), '|') as proof,
            coalesce(current_setting('app.user_id', true), '') as user_id,
            coalesce(current_setting('app.role', true), '') as role,
            coalesce(current_setting('app.request_id', true), '') as request_id
        offset 0
    ) as s
    left join app.context_keys as k on k.id = s.proof[1]
    offset 0
) as c;

comment on view app.contexts is
'The context of the present transaction: one row. is_there: whether it has a context signature;
is_proven: whether the signature is genuine and still valid, without which the other columns are
null. A signature of the REST API is valid until a time, in seconds since 1970, and names the
session of its user; a signature of the database is valid until the end of the transaction.';

create function app.proven_context()
returns app.context
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_context app.context;
begin
    select c.user_id, c.role, c.session_id, c.request_id into v_context
    from app.contexts as c
    where c.is_proven;
    if not found then
        raise exception 'The context signature is missing, wrong or expired'
            using errcode = 'TM101';
    end if;
    return v_context;
end;
$$;

comment on function app.proven_context() is
'The context of app.contexts. Fails closed: raises TM101 if the context signature is missing, wrong
or expired.';

create function app.caller_of_change()
returns app.context
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    -- What an earlier call has verified holds while the context still names the same user.
    if current_setting('app.verified_user_id', true) <> ''
        and current_setting('app.verified_user_id', true) = current_setting('app.user_id', true)
    then
        return row(
            current_setting('app.verified_user_id')::uuid,
            nullif(current_setting('app.verified_role', true), ''),
            null::uuid,
            nullif(current_setting('app.request_id', true), ''))::app.context;
    end if;
    -- A change by hand, outside the functions of api, ops and work, perhaps after ops.act_as.
    if current_setting('app.proof', true) <> '' then
        return app.proven_context();
    end if;
    return null;
end;
$$;

comment on function app.caller_of_change() is
'For whom a change is being made: the verified context, without its session; null without a context
signature. A wrong signature is refused, see app.proven_context. Raises TM101.';

commit;
