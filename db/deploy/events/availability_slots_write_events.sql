-- Deploy telemed:events/availability_slots_write_events to pg

begin;

set local role telemed_internal;
create function app.new_slots_write_events()
returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
    v_first bigint;
    v_last bigint;
begin
    -- One statement for all slots, and not app.add_event for each of up to 5000.
    with written as (
        insert into app.events (
            type, slot_id, doctor_id, data, actor_id, actor_role, request_id, cause)
        select
            'slot.opened', s.id, s.doctor_id,
            jsonb_build_object(
                'starts_at', s.starts_at, 'ends_at', s.ends_at, 'specialty', s.specialty),
            c.actor_id, c.actor_role, c.request_id, c.operation
        from app.present_cause() as c
        cross join new_slots as s
        order by s.starts_at, s.id
        returning id
    )
    select min(w.id), max(w.id) into v_first, v_last from written as w;
    if v_first is not null and app.is_wanted_by_a_webhook('slot.opened') then
        perform app.enqueue_job(
            'dispatch_slot_events',
            jsonb_build_object('first_id', v_first, 'last_id', v_last));
    end if;
    return null;
end;
$$;

comment on function app.new_slots_write_events() is
'Trigger: an event slot.opened for each new slot, in one statement, and one job for all of them if a
webhook wants them. Raises TM101.';

create function app.availability_slots_write_events()
returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
begin
    perform app.add_event(
        case new.status when 'open' then 'slot.opened' else 'slot.withdrawn' end,
        jsonb_build_object(
            'starts_at', new.starts_at, 'ends_at', new.ends_at, 'specialty', new.specialty),
        p_slot_id => new.id, p_doctor_id => new.doctor_id);
    return null;
end;
$$;

comment on function app.availability_slots_write_events() is
'Trigger: an event slot.opened for a slot that becomes open again, slot.withdrawn for one that is
withdrawn. The event of the consultation tells that a slot is booked. Raises TM101.';
reset role;

create trigger availability_slots_write_events_when_new
after insert on app.availability_slots
referencing new table as new_slots
for each statement execute function app.new_slots_write_events();

-- The condition costs a booking nothing. A transition table would.
create trigger availability_slots_write_events
after update on app.availability_slots
for each row
when (new.status <> old.status and new.status <> 'booked')
execute function app.availability_slots_write_events();

commit;
