-- Deploy telemed:audit/list_audit_seals to pg

begin;

create type api.audit_seals as (
    id bigint,
    kind text,
    month date,
    after_id bigint,
    last_id bigint,
    row_count bigint,
    sealed_at timestamptz,
    hash text,
    is_intact boolean
);

comment on type api.audit_seals is
'A seal of the audit log. kind: rows, or retirement of a month whose rows were dropped; it covers
the row_count rows of the month with ids after after_id, up to last_id; hash: in hexadecimal;
is_intact: the hash is that of the seal, which follows the seal before it. Whether the rows are
those that were sealed says api.check_audit.';

set local role telemed_internal;
create function app.audit_seals_with_state(p_ids bigint[])
returns setof api.audit_seals
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
set datestyle = 'ISO'
as $$
begin
    return query
    select
        s.id, s.kind, s.month, s.after_id, s.last_id, s.row_count, s.sealed_at::timestamptz,
        encode(s.hash, 'hex'),
        s.hash = app.audit_seal_hash(s)
            and s.previous_hash = case
                when s.id = 1 then decode(repeat('00', 32), 'hex')
                else coalesce(b.hash, '')
            end
    from app.audit_seals as s
    left join app.audit_seals as b on b.id = s.id - 1
    where s.id = any (p_ids);
end;
$$;

comment on function app.audit_seals_with_state(bigint[]) is
'The seals with these ids, in no order.';

create function app.audit_seal_ids(p_after bigint, p_is_ascending boolean, p_limit integer)
returns bigint[]
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    -- One query for each direction, so that each reads the index in its order.
    if p_is_ascending then
        return array(
            select s.id from app.audit_seals as s
            where s.id > coalesce(p_after, 0)
            order by s.id limit p_limit);
    end if;
    return array(
        select s.id from app.audit_seals as s
        where s.id < coalesce(p_after, 9223372036854775807)
        order by s.id desc limit p_limit);
end;
$$;

comment on function app.audit_seal_ids(bigint, boolean, integer) is
'The ids of p_limit seals after the one with the id p_after; null: from the first one on.';
reset role;

create function api.list_audit_seals(
    p_order text default '-id',
    p_limit integer default 50,
    p_cursor text default null
)
returns setof api.audit_seals
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_is_ascending boolean;
    v_list text;
    v_after bigint;
    v_page bigint[];
begin
    perform app.require_role('admin');
    v_is_ascending := app.is_ascending(p_order, '-id');
    v_list := 'list_audit_seals' || case when v_is_ascending then ' id' else '' end;
    v_after := (app.cursor_position(v_list, p_cursor) ->> 0)::bigint;
    perform app.check_limit(p_limit);
    v_page := app.audit_seal_ids(v_after, v_is_ascending, p_limit + 1);
    perform app.set_next_cursor(
        v_list,
        case when cardinality(v_page) > p_limit then jsonb_build_array(v_page[p_limit]) end);

    return query
    select s.*
    from app.audit_seals_with_state(v_page[:p_limit]) as s
    order by case when v_is_ascending then s.id end, s.id desc;
end;
$$;

comment on function api.list_audit_seals(text, integer, text) is
'Returns the seals of the audit log, the latest first, each with the state of its place in the
chain. p_order: -id, or id for the oldest first. p_limit: 1 to 1000 rows; p_cursor: app.next_cursor
of the page before. For admins. Raises TM101, TM102, TM201, TM301, TM302.';

grant execute on function api.list_audit_seals to telemed_api, telemed_dba;

commit;
