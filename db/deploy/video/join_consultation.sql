-- Deploy telemed:video/join_consultation to pg

begin;

create type api.video_joins as (
    consultation_id uuid,
    user_id uuid,
    role text,
    full_name text,
    room text,
    opens_at timestamptz,
    closes_at timestamptz
);

comment on type api.video_joins is
'What the caller needs to enter the video room of a consultation. user_id, role and full_name: the
caller. room: the name of the room. It is open from opens_at until just before closes_at.';

create function api.join_consultation(p_consultation_id uuid)
returns api.video_joins
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_actor app.actor := app.require_role('patient', 'doctor');
    v_current app.consultations := app.visible_consultation(v_actor, p_consultation_id);
    v_window tstzrange;
    v_times constant text := 'YYYY-MM-DD"T"HH24:MI:SS"Z"';
    v_join api.video_joins;
begin
    -- Lock order: the consultation. A reschedule or a cancellation at the same moment is over
    -- before the row is read, or waits: nobody joins the room of a time that has been given up.
    select c.* into strict v_current
    from app.consultations as c where c.id = p_consultation_id for no key update;
    if v_current.status <> 'scheduled' then
        raise exception 'Only a scheduled consultation can be joined' using errcode = 'TM905';
    end if;
    v_window := app.video_window(v_current.starts_at, v_current.ends_at);
    if not v_window @> app.clock() then
        raise exception using
            errcode = 'TM940',
            message = case
                when app.clock() < lower(v_window) then
                    'The consultation can be joined from '
                    || to_char(lower(v_window) at time zone 'UTC', v_times)
                else
                    'The consultation could be joined until '
                    || to_char(upper(v_window) at time zone 'UTC', v_times)
            end,
            detail = jsonb_build_object(
                'opens_at', lower(v_window), 'closes_at', upper(v_window));
    end if;

    select
        c.id,
        v_actor.user_id,
        v_actor.role,
        case v_actor.role when 'doctor' then c.doctor_name else c.patient_name end,
        app.video_room(c.id, c.slot_id),
        lower(v_window),
        upper(v_window)
    into strict v_join
    from api.consultations as c
    where c.id = p_consultation_id;
    perform app.add_event(
        'consultation.joined', jsonb_build_object('role', v_actor.role),
        p_consultation_id => v_current.id,
        p_slot_id => v_current.slot_id,
        p_doctor_id => v_current.doctor_id,
        p_patient_id => v_current.patient_id,
        p_user_id => v_actor.user_id);
    if v_actor.role <> 'patient' then
        perform app.record_read('join_consultation', array[p_consultation_id]);
    end if;
    return v_join;
end;
$$;

comment on function api.join_consultation(uuid) is
'Lets the patient or the doctor of a scheduled consultation enter its video room, from 15 minutes
before its start until 30 minutes after its end (see ops.set_video_window). Each call is an event
(consultation.joined), and may be repeated: a caller who lost the connection joins again. The access
log records it when the doctor joins. Raises TM101, TM102, TM301, TM302, TM403, TM905, TM940 (the
room is not open now; its DETAIL has opens_at and closes_at).';

grant execute on function api.join_consultation(uuid) to telemed_api, telemed_dba;

commit;
