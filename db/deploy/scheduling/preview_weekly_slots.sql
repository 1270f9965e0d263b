-- Deploy telemed:scheduling/preview_weekly_slots to pg

begin;

create type api.new_slot as (starts_at timestamptz, ends_at timestamptz);

comment on type api.new_slot is 'A slot that is not published yet, so it has no id.';

create type api.weekly_preview as (items api.new_slot[], skipped api.skipped_slot[]);

comment on type api.weekly_preview is
'The slots that would be published and those that would be skipped.';

create function api.preview_weekly_slots(
    p_from date,
    p_to date,
    p_weekdays integer[],
    p_start_time time,
    p_end_time time,
    p_slot_minutes integer,
    p_time_zone text default null
)
returns api.weekly_preview
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_actor app.actor := app.require_role('doctor');
    v_preview api.weekly_preview;
begin
    with planned as materialized (
        select p.*
        from app.plan_weekly_slots(
            v_actor.user_id, p_from, p_to, p_weekdays, p_start_time, p_end_time, p_slot_minutes,
            p_time_zone) as p
    )
    select
        array(
            select (p.starts_at, p.ends_at)::api.new_slot
            from planned as p
            where p.reason is null
            order by p.starts_at),
        array(
            select (p.starts_at_local, p.reason, p.starts_at)::api.skipped_slot
            from planned as p
            where p.reason is not null
            order by p.starts_at_local, p.starts_at)
    into strict v_preview;
    return v_preview;
end;
$$;

comment on function api.preview_weekly_slots is
'What api.publish_weekly_slots with the same arguments would publish now, and what it would skip.
Both ask app.plan_weekly_slots. A preview writes nothing and reserves nothing: a slot or time off
that begins to exist meanwhile changes what is published. For doctors. Raises TM101, TM102, TM201,
TM202, TM204, TM301, TM302.';

grant execute on function api.preview_weekly_slots to telemed_api, telemed_dba;

commit;
