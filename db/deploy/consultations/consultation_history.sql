-- Deploy telemed:consultations/consultation_history to pg

begin;

create type api.consultation_events as (
    id bigint,
    occurred_at timestamptz,
    event text,
    user_id uuid,
    role text,
    status text,
    slot_id uuid,
    starts_at timestamptz,
    ends_at timestamptz
);

comment on type api.consultation_events is
'One event of a consultation. event: booked, rescheduled, completed or cancelled. user_id and role:
the actor of the event. The other columns show the consultation after the event.';

create function api.consultation_history(
    p_consultation_id uuid,
    p_order text default 'occurred_at',
    p_limit integer default 50,
    p_cursor text default null
)
returns setof api.consultation_events
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_actor app.actor := app.current_actor();
    v_visible app.consultations := app.visible_consultation(v_actor, p_consultation_id);
    v_is_ascending boolean := app.is_ascending(p_order, 'occurred_at');
    v_list text :=
        'consultation_history' || case when v_is_ascending then '' else ' -occurred_at' end;
    v_after bigint := (app.cursor_position(v_list, p_cursor) ->> 0)::bigint;
    v_page bigint[];
begin
    perform app.check_limit(p_limit);
    if v_actor.role <> 'patient' then
        perform app.record_read('consultation_history', array[p_consultation_id]);
    end if;
    v_page := array(
        select l.id
        from app.changes_of_row('consultations', v_visible.id::text) as l
        where (l.operation = 'INSERT'
               or l.old ->> 'status' <> l.new ->> 'status'
               or l.old ->> 'slot_id' <> l.new ->> 'slot_id')
          and (v_after is null
               or case when v_is_ascending then l.id > v_after else l.id < v_after end)
        order by case when v_is_ascending then l.id end, l.id desc
        limit p_limit + 1);
    perform app.set_next_cursor(
        v_list,
        case when cardinality(v_page) > p_limit then jsonb_build_array(v_page[p_limit]) end);

    return query
    select
        l.id,
        l.occurred_at::timestamptz,
        case
            when l.operation = 'INSERT' then 'booked'
            when l.old ->> 'status' <> l.new ->> 'status' then l.new ->> 'status'
            else 'rescheduled'
        end,
        l.user_id,
        l.role::text,
        l.new ->> 'status',
        (l.new ->> 'slot_id')::uuid,
        (l.new ->> 'starts_at')::timestamptz,
        (l.new ->> 'ends_at')::timestamptz
    from app.changes_of_row('consultations', v_visible.id::text) as l
    where l.id = any (v_page[:p_limit])
    order by case when v_is_ascending then l.id end, l.id desc;
end;
$$;

comment on function api.consultation_history(uuid, text, integer, text) is
'Returns the events of a consultation from the audit log, the oldest first, for its patient, its
doctor and admins. The access log records it when a doctor or an admin reads. p_order: occurred_at,
or -occurred_at for the latest first. p_limit: 1 to 1000 rows. p_cursor: app.next_cursor of the
previous page. Raises TM101, TM102, TM201, TM302, TM403.';

grant execute on function api.consultation_history(uuid, text, integer, text)
to telemed_api, telemed_dba;

commit;
