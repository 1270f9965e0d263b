-- Deploy telemed:events/list_events to pg

begin;

set local role telemed_internal;
create function app.next_events(p_transaction_id xid8, p_id bigint, p_limit integer)
returns setof app.events
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_first bigint := app.first_event_of_cluster();
    v_rows integer := 0;
begin
    if p_id < v_first then
        return query
        select e.*
        from app.events as e
        where e.id > p_id and e.id < v_first
        order by e.id
        limit p_limit;
        get diagnostics v_rows = row_count;
    end if;

    -- The snapshot horizon: every transaction below xmin has ended. A transaction that is still
    -- open, or that begins later, has a higher number, so that its events come after these.
    return query
    select e.*
    from app.events as e
    where (e.transaction_id, e.id) > (
            case when p_id < v_first then '0'::xid8 else p_transaction_id end, p_id)
      and e.transaction_id < pg_snapshot_xmin(pg_current_snapshot())
      and e.id >= v_first
    order by e.transaction_id, e.id
    limit p_limit - v_rows;
end;
$$;

comment on function app.next_events(xid8, bigint, integer) is
'The next p_limit events after a place in their order: first those that a restore has brought from
another cluster, by id, then by transaction_id and id, up to the oldest transaction that is still
open. So no event is skipped, however late its transaction commits.';
reset role;

create function api.list_events(
    p_after text default null,
    p_type text[] default null,
    p_limit integer default 50
)
returns setof api.events
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_cursor jsonb;
    v_first bigint;
    v_transaction_id xid8 := '0'::xid8;
    v_id bigint := 0::bigint;
    v_drops integer;
    v_next app.events[];
    v_page app.events[];
    v_last app.events;
begin
    perform app.require_role('admin');
    -- An older snapshot would not see which events were dropped.
    perform app.require_fresh_snapshot();
    v_cursor := app.cursor_position('list_events', p_after, 'after');
    perform app.check_limit(p_limit);
    v_first := app.first_event_of_cluster();
    if v_cursor is not null then
        v_transaction_id := (v_cursor ->> 0)::xid8;
        v_id := (v_cursor ->> 1)::bigint;
        v_drops := (v_cursor ->> 3)::integer;
        -- After a restore an event below v_first is found by its id alone. Later ones are lost.
        if v_id >= v_first and (
            (v_cursor ->> 2)::bigint <> v_first
            or v_transaction_id >= pg_snapshot_xmax(pg_current_snapshot())) then
            raise exception 'The cursor is ahead of the database, which was restored: begin again'
                using errcode = 'TM201', column = 'after';
        end if;
    end if;

    -- With a filter a page may be short, so that rare types cost no more than 5000 rows.
    v_next := array(
        select n
        from app.next_events(
            v_transaction_id, v_id, case when p_type is null then p_limit else 5000 end) as n);
    -- After the query, whose lock keeps the partitions of this moment until the transaction ends.
    v_drops := app.require_kept_events(v_transaction_id, v_id, v_drops);
    v_page := array(
        select n
        from unnest(v_next) as n
        where p_type is null or n.type = any (p_type)
        limit p_limit);
    v_last := case
        when cardinality(v_page) = p_limit then v_page[p_limit]
        else v_next[cardinality(v_next)]
    end;
    perform app.set_next_cursor('list_events', jsonb_build_array(
        coalesce(v_last.transaction_id, v_transaction_id)::text,
        coalesce(v_last.id, v_id),
        v_first,
        v_drops));

    perform app.record_read('list_events', array(
        select distinct coalesce(p.consultation_id, p.user_id)
        from unnest(v_page) as p
        where coalesce(p.consultation_id, p.user_id) is not null));
    return query
    select e.*
    from unnest(v_page) with ordinality as p
    inner join api.events as e on e.id = p.id
    order by p.ordinality;
end;
$$;

comment on function api.list_events(text, text[], integer) is
'Returns events in the order in which a reader has to process them: those of a consultation by their
number. No event appears later before the cursor, however late its transaction commits: events wait
for every older transaction that is still open. p_after: app.next_cursor of the page before, which
is set on every page, also on an empty one. A cursor that stays the same means that there are no
more events yet. TM211 if events after the cursor were dropped since the reader began: a reader
gets all that is kept, or this refusal. p_type: only these types; one call looks through up to 5000
events for them. p_limit: 1 to 1000 events. The access log records the call. For admins. Raises
TM101, TM102, TM201, TM208, TM211, TM301, TM302.';

grant execute on function api.list_events(text, text[], integer) to telemed_api, telemed_dba;

commit;
