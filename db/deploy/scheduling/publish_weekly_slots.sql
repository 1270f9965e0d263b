-- Deploy telemed:scheduling/publish_weekly_slots to pg

begin;

create type api.skipped_slot as (starts_at_local timestamp, reason text, starts_at timestamptz);

comment on type api.skipped_slot is
'A slot that was not published. starts_at_local: its local start in the requested time zone.
starts_at: the start as an instant, which distinguishes the two occurrences of a repeated local
time; null for a skipped local time. reason: no_such_local_time (clocks skip it), in_the_past (it
starts now or earlier), already_published (the same slot exists), does_not_fit (clocks go forward,
and the hours end before the slot does), overlaps (it overlaps a slot that exists or that this call
publishes) or time_off (it overlaps time off).';

create type api.weekly_publication as (items api.availability_slots[], skipped api.skipped_slot[]);

comment on type api.weekly_publication is 'The published slots and the skipped slots.';

create function api.publish_weekly_slots(
    p_from date,
    p_to date,
    p_weekdays integer[],
    p_start_time time,
    p_end_time time,
    p_slot_minutes integer,
    p_time_zone text default null,
    p_idempotency_key text default null
)
returns api.weekly_publication
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_actor app.actor := app.require_role('doctor');
    v_key app.idempotency_keys;
    v_publication api.weekly_publication;
begin
    v_key := app.claim_key(
        v_actor.user_id, 'publish_weekly_slots', p_idempotency_key,
        jsonb_build_object(
            -- Later days are refused below; the last ones of the calendar are out of range here.
            'from', to_char(least(p_from, '9999-12-31'), 'YYYY-MM-DD'),
            'to', to_char(least(p_to, '9999-12-31'), 'YYYY-MM-DD'),
            'weekdays', array(select distinct d from unnest(p_weekdays) as d order by d),
            'start_time', p_start_time, 'end_time', p_end_time, 'slot_minutes', p_slot_minutes,
            'time_zone', p_time_zone));
    if v_key.created_at is not null then
        return jsonb_populate_record(null::api.weekly_publication, v_key.response);
    end if;

    -- Lock order: the doctor before slots; see api.publish_slot.
    perform from app.doctors as d where d.user_id = v_actor.user_id for no key update;

    with planned as materialized (
        select p.*
        from app.plan_weekly_slots(
            v_actor.user_id, p_from, p_to, p_weekdays, p_start_time, p_end_time, p_slot_minutes,
            p_time_zone) as p
    ),
    published as (
        insert into app.availability_slots (
            doctor_id, starts_at, ends_at, starts_at_local, time_zone)
        select v_actor.user_id, p.starts_at, p.ends_at, p.starts_at_local, p.time_zone
        from planned as p
        where p.reason is null
        order by p.starts_at
        returning id, doctor_id, starts_at, ends_at, status
    )
    select
        array(
            select (p.id, p.doctor_id, p.starts_at, p.ends_at, p.status)::api.availability_slots
            from published as p
            order by p.starts_at),
        array(
            select (p.starts_at_local, p.reason, p.starts_at)::api.skipped_slot
            from planned as p
            where p.reason is not null
            order by p.starts_at_local, p.starts_at)
    into strict v_publication;
    perform app.settle_key(v_key, null, to_jsonb(v_publication));
    return v_publication;
end;
$$;

comment on function api.publish_weekly_slots(
    date, date, integer[], time, time, integer, text, text) is
'Publishes slots of p_slot_minutes (5 to 1440) one after the other from p_start_time to p_end_time,
on each day from p_from to p_to (both included, at most 366 days apart) whose weekday is in
p_weekdays (ISO 8601: 1 is Monday). Hours whose end is before their start continue on the next day:
22:30 to 01:30 on weekday 5 is the night from Friday to Saturday. p_end_time must differ from
p_start_time, because equal times are more often a mistake than 24 hours; a whole day is from 00:00
to 24:00. One call publishes at most 5000 slots and examines at most 20000 starts.

Times are local times in p_time_zone, by default the doctor''s time zone, so 09:00 stays 09:00 when
clocks change. The hours last from the first instant at which clocks show p_start_time or later to
the first instant at which they show p_end_time or later, see app.instant_of. So hours that meet as
local times also meet as instants, and 00:00 to 24:00 is the whole day, of 23 or of 25 hours. A slot
starts at each instant at which clocks show p_start_time plus a multiple of p_slot_minutes, twice in
a repeated hour. It lasts p_slot_minutes of elapsed time and ends within the hours. Only a slot that
exists or is published blocks another one.

Existing slots stay as they are. The result has every skipped slot with its reason, see
api.skipped_slot, but not the rest of the hours after the last whole slot. For doctors.
p_idempotency_key is optional. Raises TM101, TM102, TM201, TM202, TM203, TM204, TM208, TM301, TM302,
TM991.';

grant execute on function api.publish_weekly_slots(
    date, date, integer[], time, time, integer, text, text)
to telemed_api, telemed_dba;

commit;
