-- Deploy telemed:prescriptions/list_prescriptions to pg

begin;

create function api.list_prescriptions(
    p_consultation_id uuid,
    p_limit integer default 50,
    p_cursor uuid default null
)
returns setof api.prescriptions
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_actor app.actor := app.current_actor();
    v_visible app.consultations := app.visible_consultation(v_actor, p_consultation_id);
begin
    perform app.check_limit(p_limit);
    if v_actor.role <> 'patient' then
        perform app.record_read('list_prescriptions', array[p_consultation_id]);
    end if;
    return query
    select p.*
    from api.prescriptions as p
    where p.consultation_id = v_visible.id and (p_cursor is null or p.id > p_cursor)
    order by p.id
    limit p_limit;
end;
$$;

comment on function api.list_prescriptions(uuid, integer, uuid) is
'The prescriptions of a consultation, the oldest first, for its patient, its doctor and admins.
p_limit: 1 to 1000 rows; p_cursor: id of the last row seen. Raises TM101, TM102, TM201, TM302,
TM403.';

grant execute on function api.list_prescriptions(uuid, integer, uuid) to telemed_api, telemed_dba;

commit;
