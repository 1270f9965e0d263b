-- Deploy telemed:scheduling/publish_slot to pg

begin;

create function api.publish_slot(
    p_starts_at timestamptz,
    p_ends_at timestamptz,
    p_idempotency_key text default null
)
returns api.availability_slots
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_actor app.actor := app.require_role('doctor');
    v_key app.idempotency_keys;
    v_slot_id uuid;
    v_slot api.availability_slots;
    -- Later instants are refused by app.instant; near the last one of all, a sum is out of range.
    v_start constant timestamptz := least(p_starts_at, '10000-01-01 00:00:00+00');
begin
    v_key := app.claim_key(
        v_actor.user_id, 'publish_slot', p_idempotency_key,
        jsonb_build_object(
            'starts_at', extract(epoch from p_starts_at),
            'ends_at', extract(epoch from p_ends_at)));
    if v_key.created_at is not null then
        return jsonb_populate_record(null::api.availability_slots, v_key.response);
    end if;

    perform app.refuse_faults(array(
        select row(f.field, 'TM202', f.detail)::app.fault
        from (values
            (p_starts_at is null or p_starts_at <= app.clock(),
                'starts_at', 'A slot must start in the future'),
            (p_ends_at is null or p_ends_at <= p_starts_at,
                'ends_at', 'A slot must end after it starts'),
            (p_ends_at > p_starts_at and p_ends_at < v_start + interval '1 minute'
                or p_ends_at > v_start + interval '24 hours',
                'ends_at', 'A slot lasts 1 minute to 24 hours')
        ) as f (is_wrong, field, detail)
        where f.is_wrong));

    -- Lock order: the doctor before slots. Concurrent inserts that would conflict in
    -- availability_slots_of_a_doctor_never_overlap wait here and do not deadlock there.
    perform from app.doctors where user_id = v_actor.user_id for no key update;
    if exists (
        select from app.availability_slots as s
        where s.doctor_id = v_actor.user_id
          and s.status <> 'withdrawn'
          and tstzrange(s.starts_at, s.ends_at) && tstzrange(p_starts_at, p_ends_at)
    ) then
        perform app.refuse_under_key(v_key, 'TM902', 'The slot overlaps another slot of yours');
        return null;
    end if;
    if exists (
        select from app.time_off as t
        where t.doctor_id = v_actor.user_id
          and tstzrange(t.starts_at, t.ends_at) && tstzrange(p_starts_at, p_ends_at)
    ) then
        perform app.refuse_under_key(
            v_key, 'TM913', 'You have time off in this period: end it or choose another time');
        return null;
    end if;

    insert into app.availability_slots (doctor_id, starts_at, ends_at)
    values (v_actor.user_id, p_starts_at, p_ends_at)
    returning id into v_slot_id;

    select * into strict v_slot from api.availability_slots where id = v_slot_id;
    perform app.settle_key(v_key, v_slot_id, to_jsonb(v_slot));
    return v_slot;
end;
$$;

comment on function api.publish_slot(timestamptz, timestamptz, text) is
'Publishes one slot of the calling doctor. The slot starts in the future, lasts from 1 minute to 24
hours, and overlaps neither another slot nor time off of the doctor. p_idempotency_key is optional;
TM902 and TM913 are stored under it, see app.refuse. Raises TM101, TM102, TM202, TM203, TM208,
TM301, TM302, TM902, TM913, TM991.';

grant execute on function api.publish_slot(timestamptz, timestamptz, text)
to telemed_api, telemed_dba;

commit;
