-- Deploy telemed:foundation/proven_context to pg

begin;

create type app.context as (user_id uuid, role text, session_id uuid, request_id text);

comment on type app.context is
'Who is calling, proven. user_id is null for somebody who is not signed in; session_id is null in a
context that the database made itself for somebody who did not log in.';

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

-- app.proof is: key id|session id|validity|HMAC-SHA-256 (RFC 2104) in hexadecimal digits. It covers
-- all that is said of the caller, so that no part of one context is of use in another. request_id
-- comes last, because it may contain a bar; user_id and role may not, or a part of one could pass
-- for another. app.set_actor signs in the same way, and so does the REST API. Hashes of the two are
-- compared, so that the time which that takes tells nothing.
--
-- A view, because PL/pgSQL makes each of its expressions ready anew in each transaction: as part
-- of one query they cost a third.
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
        -- After a commit a transaction-local variable reads as an empty text, not as null. `offset`
        -- keeps the planner from computing everything again wherever it is used.
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
'The one context that app.user_id, app.role and app.request_id speak of. is_there: whether there is
a proof; is_proven: whether it is genuine and valid, without which the rest is null. What the REST
API signs ends at a time, in seconds since 1970, and names a session; what the database signs ends
with the transaction.';

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
        raise exception 'Not signed in, or the context is not genuine' using errcode = 'TM101';
    end if;
    return v_context;
end;
$$;

comment on function app.proven_context() is
'The context of app.contexts. Fails closed: raises TM101 without a proof, or with a wrong or an old
one.';

commit;
