-- Slots of the demo doctors for the next six weeks. `make run` runs this file at each start, so that
-- the demo clinic can be booked whenever it was first started:
--
--   psql -f db/demo/demo_slots.sql     (as a superuser)
--
-- Days on or before the last slot of a doctor stay as they are.

\set ON_ERROR_STOP on
\set QUIET on

begin;

do $$
declare
    v_today constant date := (app.clock() at time zone 'UTC')::date;
    v_doctor record;
begin
    for v_doctor in
        select u.email, greatest(
            v_today,
            (select (max(s.starts_at) at time zone d.time_zone)::date + 1
             from app.availability_slots as s
             where s.doctor_id = d.user_id
               -- The slots of examples, which db/demo/demo_data.sql publishes
               and s.id::text not like '019a0000-0000-7000-8000-%')) as first_day
        from app.doctors as d
        inner join app.users as u on u.id = d.user_id
        where u.email like '%@example.com' and u.deactivated_at is null
    loop
        if v_doctor.first_day <= v_today + 42 then
            perform ops.act_as(v_doctor.email);
            perform api.publish_weekly_slots(
                v_doctor.first_day, v_today + 42, '{1,2,3,4,5}', '09:00', '12:00', 30);
            perform api.publish_weekly_slots(
                v_doctor.first_day, v_today + 42, '{1,2,3,4}', '13:00', '16:00', 30);
        end if;
    end loop;
end;
$$;

commit;
