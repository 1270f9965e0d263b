-- Deploy telemed:operations/slots_of_changed_zones to pg

begin;

create type ops.slot_of_changed_zone as (
    slot_id uuid,
    doctor_id uuid,
    doctor_name text,
    time_zone text,
    starts_at_local timestamp,
    starts_at timestamptz,
    starts_at_now timestamptz,
    status text,
    consultation_id uuid
);

comment on type ops.slot_of_changed_zone is
'A slot that was published for the local time starts_at_local in time_zone. starts_at: the instant
at which the slot starts, by the rules of the day of publication; starts_at_now: the instant of that
local time by the present rules, see app.instant_of; null if PostgreSQL does not know the zone any
more. consultation_id: the consultation that holds the slot, or null.';

set local role telemed_internal;
create function ops.slots_of_changed_zones()
returns setof ops.slot_of_changed_zone
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    perform app.forget_actor();
    return query
    select
        s.id,
        s.doctor_id,
        d.full_name::text,
        s.time_zone::text,
        s.starts_at_local,
        s.starts_at::timestamptz,
        case when z.name is not null then app.instant_of(s.starts_at_local, s.time_zone) end,
        s.status,
        c.id
    from app.availability_slots as s
    inner join app.doctors as d on d.user_id = s.doctor_id
    left join pg_timezone_names as z on z.name = s.time_zone
    left join app.consultations as c on c.slot_id = s.id and c.status <> 'cancelled'
    where s.starts_at > app.clock()
      and s.status <> 'withdrawn'
      and s.time_zone is not null
      -- AT TIME ZONE with an unknown zone would be an error.
      and case when z.name is null then true
            else s.starts_at at time zone s.time_zone <> s.starts_at_local
        end
    order by s.starts_at, s.id;
end;
$$;

comment on function ops.slots_of_changed_zones() is
'Returns open and booked slots that have not begun and whose local time is another instant by the
present rules: laws change, and PostgreSQL follows with new time zone data. A slot keeps its
instant: withdraw an open slot and publish it again, or reschedule a booked one with the patient. It
changes nothing.';

grant execute on function ops.slots_of_changed_zones() to telemed_dba;

commit;
