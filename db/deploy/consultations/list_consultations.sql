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
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_actor app.actor := app.current_actor();
    v_before timestamptz := timestamptz 'infinity';
    v_before_id uuid := uuid 'ffffffff-ffff-ffff-ffff-ffffffffffff';
begin
    perform app.check_limit(p_limit);
    if p_status not in ('scheduled', 'completed', 'cancelled') then
        raise exception 'The status must be scheduled, completed or cancelled'
            using errcode = 'TM201', column = 'status';
    end if;
    if p_cursor is not null then
        select c.starts_at::timestamptz, c.id into v_before, v_before_id
        from app.consultations as c where c.id = p_cursor;
        if not found then
            raise exception 'The cursor does not come from this list'
                using errcode = 'TM201', column = 'cursor';
        end if;
    end if;

    -- One arm for each role, of which only the caller's is run, each with its own index.
    return query
    select v.*
    from (
        select mine.id
        from (
            select c.* from app.consultations as c
            where v_actor.role = 'patient' and c.patient_id = v_actor.user_id
            union all
            select c.* from app.consultations as c
            where v_actor.role = 'doctor' and c.doctor_id = v_actor.user_id
            union all
            select c.* from app.consultations as c
            where v_actor.role = 'admin'
        ) as mine
        where (mine.starts_at, mine.id) < (v_before, v_before_id)
          and mine.starts_at >= coalesce(p_from, '-infinity')
          and mine.starts_at < coalesce(p_to, 'infinity')
          and (p_status is null or mine.status = p_status)
        order by mine.starts_at desc, mine.id desc
        limit p_limit
    ) as page
    inner join api.consultations as v on v.id = page.id
    order by v.starts_at desc, v.id desc;
end;
$$;

comment on function api.list_consultations(text, timestamptz, timestamptz, integer, uuid) is
'The consultations of the calling patient or doctor, or all of them for an admin, that start at
p_from or later and before p_to, the latest first. p_status: scheduled, completed or cancelled.
p_limit: 1 to 1000 rows; p_cursor: id of the last row seen. Raises TM101, TM102, TM201.';

grant execute on function api.list_consultations(text, timestamptz, timestamptz, integer, uuid)
to telemed_api, telemed_dba;

commit;
