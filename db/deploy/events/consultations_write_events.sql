-- Deploy telemed:events/consultations_write_events to pg

begin;

set local role telemed_internal;
create function app.consultations_write_events()
returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
begin
    perform app.add_event(
        case
            when tg_op = 'INSERT' then 'consultation.booked'
            when new.slot_id <> old.slot_id then 'consultation.rescheduled'
            else 'consultation.' || new.status
        end,
        -- The whole state, so that the newest of these events is enough to know it.
        jsonb_build_object(
            'status', new.status, 'starts_at', new.starts_at, 'ends_at', new.ends_at,
            'fee_minor', new.fee_minor, 'currency', new.currency)
        || case
            when new.slot_id <> old.slot_id then jsonb_build_object(
                'former_slot_id', old.slot_id, 'former_starts_at', old.starts_at,
                'former_ends_at', old.ends_at)
            else '{}'
        end,
        new.id, new.slot_id, new.doctor_id, new.patient_id);
    return null;
end;
$$;

comment on function app.consultations_write_events() is
'Trigger: one event for each booking, reschedule, cancellation and completion. A reschedule is one
event with both slots, never a cancellation. Raises TM101.';
reset role;

create trigger consultations_write_events_when_booked
after insert on app.consultations
for each row execute function app.consultations_write_events();

create trigger consultations_write_events
after update on app.consultations
for each row
when (new.slot_id <> old.slot_id or new.status <> old.status)
execute function app.consultations_write_events();

set local role telemed_internal;
create function app.add_missing_events()
returns bigint
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
    v_consultations bigint;
begin
    with numbered as (
        select
            c.*,
            n.sequence_number,
            nextval('app.events_id_seq') as event_id
        from app.consultations as c
        cross join lateral generate_series(
            1, case c.status when 'scheduled' then 1 else 2 end) as n (sequence_number)
        where not exists (select from app.latest_events as l where l.consultation_id = c.id)
        order by c.id, n.sequence_number
    ), written as (
        insert into app.events (
            id, type, consultation_id, sequence_number, predecessor_id, slot_id, doctor_id,
            patient_id, data)
        overriding system value
        select
            n.event_id,
            'consultation.' || case n.sequence_number when 1 then 'booked' else n.status end,
            n.id, n.sequence_number, lag(n.event_id) over by_number,
            n.slot_id, n.doctor_id, n.patient_id,
            jsonb_build_object(
                'status', case n.sequence_number when 1 then 'scheduled' else n.status end,
                'starts_at', n.starts_at, 'ends_at', n.ends_at, 'fee_minor', n.fee_minor,
                'currency', n.currency)
        from numbered as n
        window by_number as (partition by n.id order by n.sequence_number)
        order by n.event_id
        returning id, consultation_id, sequence_number, predecessor_id, transaction_id
    )
    insert into app.latest_events (
        consultation_id, sequence_number, event_id, predecessor_id, transaction_id)
    select distinct on (w.consultation_id)
        w.consultation_id, w.sequence_number, w.id, w.predecessor_id, w.transaction_id
    from written as w
    order by w.consultation_id, w.sequence_number desc;
    get diagnostics v_consultations = row_count;
    return v_consultations;
end;
$$;

comment on function app.add_missing_events() is
'Writes the newest state of each consultation without an event as one or two events, which nobody is
told of: of consultations from before there were events, or that were copied without triggers.
Returns how many.';

select app.add_missing_events();
reset role;

commit;
