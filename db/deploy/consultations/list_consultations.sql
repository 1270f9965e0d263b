-- Deploy telemed:consultations/list_consultations to pg

begin;

create function api.list_consultations(
    p_status text default null,
    p_from timestamptz default null,
    p_to timestamptz default null,
    p_doctor_id uuid default null,
    p_patient_id uuid default null,
    p_order text default '-starts_at',
    p_limit integer default 50,
    p_cursor text default null
)
returns setof api.consultations
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
-- With the values of a patient who has hundreds of consultations, the planner expects a cheaper
-- plan each time, and finds the same one: planning took as long as the rest of the call.
set plan_cache_mode = force_generic_plan
as $$
declare
    v_actor app.actor := app.current_actor();
    v_is_ascending boolean := coalesce(p_order = 'starts_at', false);
    v_list text :=
        case when v_is_ascending then 'list_consultations starts_at' else 'list_consultations' end;
    v_position jsonb := app.cursor_position(v_list, p_cursor);
    v_from timestamptz := coalesce(p_from, '-infinity');
    v_before timestamptz := coalesce(p_to, 'infinity');
    -- Smaller than every id: the rows at v_from are after it, the rows at v_before are not before.
    v_from_id uuid := uuid '00000000-0000-0000-0000-000000000000';
    v_before_id uuid := uuid '00000000-0000-0000-0000-000000000000';
    v_patient_id uuid :=
        case v_actor.role when 'patient' then v_actor.user_id else p_patient_id end;
    v_doctor_id uuid := case v_actor.role when 'doctor' then v_actor.user_id else p_doctor_id end;
    -- Whole rows, because a second look-up of each row by its id would take longer.
    v_page api.consultations[];
    v_ids uuid[];
begin
    perform app.check_limit(p_limit);
    if p_status not in ('scheduled', 'completed', 'cancelled') then
        raise exception 'The status must be scheduled, completed or cancelled'
            using errcode = 'TM201', column = 'status';
    end if;
    if p_order not in ('starts_at', '-starts_at') then
        raise exception 'The order must be starts_at or -starts_at'
            using errcode = 'TM201', column = 'order';
    end if;
    if v_is_ascending and (v_position ->> 0)::timestamptz >= v_from then
        v_from := (v_position ->> 0)::timestamptz;
        v_from_id := (v_position ->> 1)::uuid;
    elsif not v_is_ascending and (v_position ->> 0)::timestamptz < v_before then
        v_before := (v_position ->> 0)::timestamptz;
        v_before_id := (v_position ->> 1)::uuid;
    end if;

    -- One query for each index and direction that returns the rows in this order: a single query
    -- for all cases would sort every consultation of a busy doctor to return fifty. Where two
    -- filters concern one column, the second compares variables: with the column twice, a plan
    -- without values would expect too few rows, and sort.
    if v_patient_id is not null and v_is_ascending then
        v_page := array(
            select c from api.consultations as c
            where c.patient_id = v_patient_id
              and (c.starts_at, c.id) > (v_from, v_from_id) and c.starts_at < v_before
              and (p_status is null or c.status = p_status)
              and (v_doctor_id is null or c.doctor_id = v_doctor_id)
              and (p_patient_id is null or p_patient_id = v_patient_id)
              and (p_doctor_id is null or p_doctor_id = v_doctor_id)
            order by c.starts_at, c.id limit p_limit + 1);
    elsif v_patient_id is not null then
        v_page := array(
            select c from api.consultations as c
            where c.patient_id = v_patient_id
              and (c.starts_at, c.id) < (v_before, v_before_id) and c.starts_at >= v_from
              and (p_status is null or c.status = p_status)
              and (v_doctor_id is null or c.doctor_id = v_doctor_id)
              and (p_patient_id is null or p_patient_id = v_patient_id)
              and (p_doctor_id is null or p_doctor_id = v_doctor_id)
            order by c.starts_at desc, c.id desc limit p_limit + 1);
    elsif v_doctor_id is not null and v_is_ascending then
        v_ids := array(
            select c.id from app.consultations as c
            where c.doctor_id = v_doctor_id
              and (c.starts_at, c.id) > (v_from, v_from_id) and c.starts_at < v_before
              and (p_status is null or c.status = p_status)
              and (p_doctor_id is null or p_doctor_id = v_doctor_id)
            order by c.starts_at, c.id limit p_limit + 1);
    elsif v_doctor_id is not null then
        v_ids := array(
            select c.id from app.consultations as c
            where c.doctor_id = v_doctor_id
              and (c.starts_at, c.id) < (v_before, v_before_id) and c.starts_at >= v_from
              and (p_status is null or c.status = p_status)
              and (p_doctor_id is null or p_doctor_id = v_doctor_id)
            order by c.starts_at desc, c.id desc limit p_limit + 1);
    elsif v_is_ascending then
        v_ids := array(
            select c.id from app.consultations as c
            where v_actor.role = 'admin'
              and (c.starts_at, c.id) > (v_from, v_from_id) and c.starts_at < v_before
              and (p_status is null or c.status = p_status)
            order by c.starts_at, c.id limit p_limit + 1);
    else
        v_ids := array(
            select c.id from app.consultations as c
            where v_actor.role = 'admin'
              and (c.starts_at, c.id) < (v_before, v_before_id) and c.starts_at >= v_from
              and (p_status is null or c.status = p_status)
            order by c.starts_at desc, c.id desc limit p_limit + 1);
    end if;
    -- A doctor sees the name of a patient through a function (app.doctor_has_patient): the ids come
    -- first, so that it is called for the rows of the page alone.
    if v_ids is not null and v_is_ascending then
        v_page := array(
            select c from api.consultations as c
            where c.id = any (v_ids[:p_limit])
            order by c.starts_at, c.id);
    elsif v_ids is not null then
        v_page := array(
            select c from api.consultations as c
            where c.id = any (v_ids[:p_limit])
            order by c.starts_at desc, c.id desc);
    end if;
    perform app.set_next_cursor(
        v_list,
        case when greatest(cardinality(v_ids), cardinality(v_page)) > p_limit then
            jsonb_build_array(v_page[p_limit].starts_at, v_page[p_limit].id)
        end);

    if v_actor.role <> 'patient' then
        perform app.record_read(
            'list_consultations',
            coalesce(v_ids[:p_limit], array(select p.id from unnest(v_page[:p_limit]) as p)));
    end if;
    return query
    select p.* from unnest(v_page[:p_limit]) as p;
end;
$$;

comment on function api.list_consultations(
    text, timestamptz, timestamptz, uuid, uuid, text, integer, text) is
'Returns the consultations of the calling patient or doctor, or all of them for an admin. The access
log records it when a doctor or an admin reads. p_status: scheduled, completed or cancelled; null
for all. p_from, p_to: only consultations that start at p_from or later and before p_to.
p_doctor_id, p_patient_id: only consultations of this doctor, of this patient. p_order: starts_at
for the earliest first; -starts_at or null for the latest first. p_limit: 1 to 1000 rows. p_cursor:
app.next_cursor of the previous page in this order. Raises TM101, TM102, TM201, TM302.';

grant execute on function api.list_consultations(
    text, timestamptz, timestamptz, uuid, uuid, text, integer, text)
to telemed_api, telemed_dba;

commit;
