-- Deploy telemed:events/add_event to pg

begin;

set local role telemed_internal;
create function app.add_event(
    p_type text,
    p_data jsonb default '{}',
    p_consultation_id uuid default null,
    p_slot_id uuid default null,
    p_doctor_id uuid default null,
    p_patient_id uuid default null,
    p_user_id uuid default null
)
returns bigint
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_cause app.cause := app.present_cause();
    v_latest app.latest_events;
    v_id bigint;
begin
    -- Lock order: the consultation, then its newest event. The primary key of app.latest_events
    -- decides between two writers: the second waits, and takes its id and its number after the
    -- first.
    if p_consultation_id is not null then
        insert into app.latest_events as l (consultation_id, event_id, transaction_id)
        values (p_consultation_id, nextval('app.events_id_seq'), pg_current_xact_id())
        on conflict (consultation_id) do update
        set sequence_number = l.sequence_number + 1,
            event_id = nextval('app.events_id_seq'),
            predecessor_id = l.event_id,
            -- Readers must not get an event before its predecessor, whose transaction may have
            -- begun later. The numbers of another cluster do not count: see app.event_origin.
            transaction_id = case
                when l.event_id < (select o.first_id from app.event_origin as o)
                    then excluded.transaction_id
                else greatest(l.transaction_id, excluded.transaction_id)
            end
        returning l.* into strict v_latest;
    end if;

    insert into app.events (
        id, transaction_id, type, consultation_id, sequence_number, predecessor_id, slot_id,
        doctor_id, patient_id, user_id, data, actor_id, actor_role, request_id, cause)
    overriding system value
    values (
        coalesce(v_latest.event_id, nextval('app.events_id_seq')),
        coalesce(v_latest.transaction_id, pg_current_xact_id()),
        p_type, p_consultation_id, v_latest.sequence_number, v_latest.predecessor_id, p_slot_id,
        p_doctor_id, p_patient_id, p_user_id, p_data, v_cause.actor_id, v_cause.actor_role,
        v_cause.request_id, v_cause.operation)
    returning id into strict v_id;

    -- Slots come by the thousand, and nobody is sent a message about one.
    if p_type not in ('slot.opened', 'slot.withdrawn') or app.is_wanted_by_a_webhook(p_type) then
        perform app.enqueue_job(
            'dispatch_event', jsonb_build_object('event_id', v_id),
            coalesce(p_consultation_id, p_user_id)::text);
    end if;
    return v_id;
end;
$$;

comment on function app.add_event(text, jsonb, uuid, uuid, uuid, uuid, uuid) is
'Writes an event in the transaction of the change, with its cause (app.present_cause), and returns
its id. p_type: see app.event_type; p_data: see docs/events.md. An event of a consultation gets the
next number of that consultation. Enqueues the job dispatch_event, for an event of a slot only if a
webhook wants it; the jobs of one consultation, or of one account, run in their order. Raises
TM101.';

commit;
