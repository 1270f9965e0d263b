-- Deploy telemed:scheduling/take_time_off to pg

begin;

create function api.take_time_off(
    p_starts_at timestamptz,
    p_ends_at timestamptz,
    p_reason text default null,
    p_idempotency_key text default null
)
returns api.time_off_taken
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_actor app.actor := app.require_role('doctor');
    v_key app.idempotency_keys;
    v_time_off app.time_off;
    v_withdrawn uuid[];
    v_booked uuid[];
    v_taken api.time_off_taken;
begin
    v_key := app.claim_key(
        v_actor.user_id, 'take_time_off', p_idempotency_key,
        jsonb_build_object(
            'starts_at', extract(epoch from p_starts_at), 'ends_at', extract(epoch from p_ends_at),
            'reason', p_reason));
    if v_key.created_at is not null then
        return jsonb_populate_record(null::api.time_off_taken, v_key.response);
    end if;

    if p_starts_at is null then
        raise exception 'Time off must have a start'
            using errcode = 'TM202', column = 'starts_at';
    end if;
    if p_ends_at is null or p_ends_at <= p_starts_at or p_ends_at <= app.clock() then
        raise exception 'Time off must end after it starts, and in the future'
            using errcode = 'TM202', column = 'ends_at';
    end if;

    -- Lock order: the doctor, then slots by id.
    perform from app.doctors where user_id = v_actor.user_id for no key update;
    if exists (
        select from app.time_off as t
        where t.doctor_id = v_actor.user_id
          and tstzrange(t.starts_at, t.ends_at) && tstzrange(p_starts_at, p_ends_at)
    ) then
        perform app.refuse_under_key(v_key, 'TM913', 'Time off already exists for this period');
        return null;
    end if;

    v_withdrawn := array(
        select s.id from app.availability_slots as s
        where s.doctor_id = v_actor.user_id
          and s.status = 'open'
          and tstzrange(s.starts_at, s.ends_at) && tstzrange(p_starts_at, p_ends_at)
        order by s.id
        for no key update);

    -- The trigger time_off_withdraws_open_slots withdraws these slots.
    insert into app.time_off (doctor_id, starts_at, ends_at, reason)
    values (v_actor.user_id, p_starts_at, p_ends_at, p_reason)
    returning * into v_time_off;

    v_booked := array(
        select c.id from app.consultations as c
        where c.doctor_id = v_actor.user_id
          and c.status = 'scheduled'
          and c.starts_at < p_ends_at
          and c.ends_at > p_starts_at
        order by c.starts_at);

    v_taken := (
        v_time_off.id,
        v_time_off.doctor_id,
        v_time_off.starts_at::timestamptz,
        v_time_off.ends_at::timestamptz,
        v_time_off.reason::text,
        v_time_off.created_at::timestamptz,
        v_withdrawn,
        v_booked);
    perform app.settle_key(v_key, v_time_off.id, to_jsonb(v_taken));
    return v_taken;
end;
$$;

comment on function api.take_time_off(timestamptz, timestamptz, text, text) is
'Takes time off for the calling doctor. Time off withdraws the open slots that overlap it and
prevents new ones. Consultations that overlap it stay scheduled; the result has their ids, so that
they can be rescheduled or cancelled. p_reason: 1 to 4000 characters. p_idempotency_key is optional;
TM913 is stored under it, see app.refuse. Raises TM101, TM102, TM202, TM203, TM208, TM301, TM302,
TM913, TM991.';

grant execute on function api.take_time_off(timestamptz, timestamptz, text, text)
to telemed_api, telemed_dba;

commit;
