-- Deploy telemed:consultations/list_consultations to pg

begin;

create function api.list_consultations(
    p_status text default null,
    p_from timestamptz default null,
    p_to timestamptz default null,
    p_limit integer default 50,
    p_cursor uuid default null
)
returns setof api.consultations
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_actor app.actor := app.current_actor();
    v_from timestamptz := coalesce(p_from, '-infinity');
    v_before timestamptz := coalesce(p_to, 'infinity');
    v_before_id uuid := uuid '00000000-0000-0000-0000-000000000000';
    v_cursor_at timestamptz;
    v_page uuid[];
begin
    perform app.check_limit(p_limit);
    if p_status not in ('scheduled', 'completed', 'cancelled') then
        raise exception 'The status must be scheduled, completed or cancelled'
            using errcode = 'TM201', column = 'status';
    end if;
    if p_cursor is not null then
        select c.starts_at::timestamptz into v_cursor_at
        from app.consultations as c
        where c.id = p_cursor
          and (v_actor.role = 'admin' or v_actor.user_id in (c.patient_id, c.doctor_id));
        if not found then
            raise exception 'The cursor does not come from this list'
                using errcode = 'TM201', column = 'cursor';
        end if;
        if v_cursor_at < v_before then
            v_before := v_cursor_at;
            v_before_id := p_cursor;
        end if;
    end if;

    -- One query for each role, each with an index that has its rows in this order already: one
    -- query for all of them would sort every consultation of a busy doctor to return fifty.
    if v_actor.role = 'patient' then
        v_page := array(
            select c.id from app.consultations as c
            where c.patient_id = v_actor.user_id
              and (c.starts_at, c.id) < (v_before, v_before_id) and c.starts_at >= v_from
              and (p_status is null or c.status = p_status)
            order by c.starts_at desc, c.id desc limit p_limit);
    elsif v_actor.role = 'doctor' then
        v_page := array(
            select c.id from app.consultations as c
            where c.doctor_id = v_actor.user_id
              and (c.starts_at, c.id) < (v_before, v_before_id) and c.starts_at >= v_from
              and (p_status is null or c.status = p_status)
            order by c.starts_at desc, c.id desc limit p_limit);
    else
        v_page := array(
            select c.id from app.consultations as c
            where v_actor.role = 'admin'
              and (c.starts_at, c.id) < (v_before, v_before_id) and c.starts_at >= v_from
              and (p_status is null or c.status = p_status)
            order by c.starts_at desc, c.id desc limit p_limit);
    end if;

    if v_actor.role <> 'patient' then
        perform app.record_read('list_consultations', v_page);
    end if;
    return query
    select v.*
    from api.consultations as v
    where v.id = any (v_page)
    order by v.starts_at desc, v.id desc;
end;
$$;

comment on function api.list_consultations(text, timestamptz, timestamptz, integer, uuid) is
'The consultations of the calling patient or doctor, or all of them for an admin, that start at
p_from or later and before p_to, the latest first; the access log has it when a doctor or an admin
reads. p_status: scheduled, completed or cancelled. p_limit: 1 to 1000 rows; p_cursor: id of the
last row seen. Raises TM101, TM102, TM201, TM302.';

grant execute on function api.list_consultations(text, timestamptz, timestamptz, integer, uuid)
to telemed_api, telemed_dba;

commit;
