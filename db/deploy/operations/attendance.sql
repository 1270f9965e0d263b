-- Deploy telemed:operations/attendance to pg

begin;

create type ops.attendances as (
    consultation_id uuid,
    starts_at timestamptz,
    ends_at timestamptz,
    status text,
    doctor_id uuid,
    patient_id uuid,
    doctor_joined_at timestamptz,
    patient_joined_at timestamptz,
    doctor_joins integer,
    patient_joins integer,
    absent text[]
);

comment on type ops.attendances is
'Who joined the video room of a consultation. *_joined_at: the first time, at the present time of
the consultation; *_joins: how often. absent: doctor, patient, both or {}; null while one of them
may still join.';

set local role telemed_internal;
create function ops.attendance(p_from timestamptz, p_to timestamptz)
returns setof ops.attendances
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_attendances ops.attendances[];
begin
    perform app.forget_actor();
    if p_from is null or p_to is null or p_from >= p_to then
        raise exception 'Give a time, and a later one' using errcode = 'TM202', column = 'to';
    end if;
    v_attendances := array(
        select
            row(
                c.id,
                c.starts_at,
                c.ends_at,
                c.status,
                c.doctor_id,
                c.patient_id,
                j.doctor_joined_at,
                j.patient_joined_at,
                j.doctor_joins,
                j.patient_joins,
                case
                    when c.status <> 'scheduled' or app.clock() >= upper(w.video_window) then
                        array_remove(
                            array[
                                case when j.doctor_joins = 0 then 'doctor' end,
                                case when j.patient_joins = 0 then 'patient' end],
                            null)
                end)::ops.attendances
        from app.consultations as c
        cross join lateral (
            select app.video_window(c.starts_at, c.ends_at) as video_window
        ) as w
        cross join lateral (
            select
                min(e.occurred_at) filter (where e.user_id = c.doctor_id) as doctor_joined_at,
                min(e.occurred_at) filter (where e.user_id = c.patient_id) as patient_joined_at,
                count(*) filter (where e.user_id = c.doctor_id)::integer as doctor_joins,
                count(*) filter (where e.user_id = c.patient_id)::integer as patient_joins
            from app.events as e
            where e.consultation_id = c.id
              and e.type = 'consultation.joined'
              -- Not of a time that was given up.
              and e.sequence_number > coalesce(
                (select max(r.sequence_number)
                 from app.events as r
                 where r.consultation_id = c.id and r.type = 'consultation.rescheduled'), 0)
        ) as j
        where c.starts_at >= p_from
          and c.starts_at < p_to
          -- A doctor may cancel because the patient does not come: not before the room opens.
          and (c.status <> 'cancelled' or c.updated_at >= lower(w.video_window))
        order by c.starts_at, c.id);
    insert into app.access_logs (kind, operation, resource_ids)
    select 'read', 'attendance', array_agg(a.consultation_id)
    from unnest(v_attendances) as a
    having count(*) > 0;
    return query
    select a.* from unnest(v_attendances) as a;
end;
$$;

comment on function ops.attendance(timestamptz, timestamptz) is
'Who joined the video rooms of the consultations that start from p_from until just before p_to, and
who did not: a no-show. Without consultations that were cancelled before their room opened. From the
events consultation.joined, which are kept as long as all events. The access log records the call.
Raises TM202.';

grant execute on function ops.attendance(timestamptz, timestamptz) to telemed_dba;

commit;
