-- Deploy telemed:scheduling/find_open_slots to pg

begin;

create function api.find_open_slots(
    p_specialty text default null,
    p_from timestamptz default null,
    p_to timestamptz default null,
    p_limit integer default 50,
    p_cursor uuid default null
)
returns setof api.offered_slots
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_after app.availability_slots;
begin
    perform app.current_actor();
    perform app.check_limit(p_limit);
    v_after := app.slot_of_cursor(p_cursor);

    return query
    select s.*
    from api.offered_slots as s
    where (p_specialty is null or lower(s.specialty) = lower(p_specialty))
      and s.status = 'open'
      and s.starts_at >= greatest(p_from, app.clock())
      and s.starts_at < coalesce(p_to, 'infinity')
      and (s.starts_at, s.id) > (v_after.starts_at, v_after.id)
    order by s.starts_at, s.id
    limit p_limit;
end;
$$;

comment on function api.find_open_slots(text, timestamptz, timestamptz, integer, uuid) is
'Open slots of all doctors, or of one specialty (regardless of case), that start at p_from or later
(never before now) and before p_to, the earliest first. p_limit: 1 to 1000 rows; p_cursor: id of
the last row seen. Raises TM101, TM102, TM201.';

grant execute on function api.find_open_slots(text, timestamptz, timestamptz, integer, uuid)
to telemed_api, telemed_dba;

commit;
