-- Deploy telemed:prescriptions/list_prescriptions to pg

begin;

create function api.list_prescriptions(
    p_consultation_id uuid,
    p_order text default 'issued_at',
    p_limit integer default 50,
    p_cursor text default null
)
returns setof api.prescriptions
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_actor app.actor := app.current_actor();
    v_visible app.consultations := app.visible_consultation(v_actor, p_consultation_id);
    v_is_ascending boolean := app.is_ascending(p_order, 'issued_at');
    v_list text := 'list_prescriptions' || case when v_is_ascending then '' else ' -issued_at' end;
    v_after uuid := (app.cursor_position(v_list, p_cursor) ->> 0)::uuid;
    v_page uuid[];
begin
    perform app.check_limit(p_limit);
    v_page := array(
        select p.id from app.prescriptions as p
        where p.consultation_id = v_visible.id
          and (v_after is null
               or case when v_is_ascending then p.id > v_after else p.id < v_after end)
        order by case when v_is_ascending then p.id end, p.id desc limit p_limit + 1);
    perform app.set_next_cursor(
        v_list,
        case when cardinality(v_page) > p_limit then jsonb_build_array(v_page[p_limit]) end);
    if v_actor.role <> 'patient' then
        perform app.record_read('list_prescriptions', array[p_consultation_id]);
    end if;
    return query
    select p.*
    from api.prescriptions as p
    where p.id = any (v_page[:p_limit])
    order by case when v_is_ascending then p.id end, p.id desc;
end;
$$;

comment on function api.list_prescriptions(uuid, text, integer, text) is
'Returns the prescriptions of a consultation, the oldest first, to its patient, its doctor and
admins. The access log records it when a doctor or an admin reads. p_order: issued_at, or -issued_at
for the latest first. p_limit: 1 to 1000 rows. p_cursor: app.next_cursor of the previous page.
Raises TM101, TM102, TM201, TM302, TM403.';

grant execute on function api.list_prescriptions(uuid, text, integer, text)
to telemed_api, telemed_dba;

commit;
