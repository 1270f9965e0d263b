-- Deploy telemed:scheduling/time_off to pg

begin;

create table app.time_off (
    id uuid primary key default app.uuid_v7(),
    doctor_id uuid not null references app.doctors,
    starts_at app.instant not null,
    ends_at app.instant not null,
    reason app.prose,
    created_at app.instant not null default app.clock(),
    constraint time_off_ends_after_it_starts check (ends_at > starts_at),
    constraint time_off_of_a_doctor_never_overlaps
    exclude using gist (
        doctor_id extensions.gist_uuid_ops with operator(pg_catalog.=),
        tstzrange(starts_at, ends_at) with operator(pg_catalog.&&)
    )
);

comment on table app.time_off is 'Intervals in which a doctor offers no slots.';

create index time_off_by_doctor on app.time_off (doctor_id, id);

create trigger time_off_is_audited
after insert or update or delete on app.time_off
for each row execute function app.record_change('id');

create trigger time_off_is_never_truncated
before truncate on app.time_off
for each statement execute function app.rows_are_append_only();

create trigger time_off_is_taken_or_ended_whole
before update on app.time_off
for each row execute function app.rows_are_append_only();

create function app.time_off_withdraws_open_slots()
returns trigger
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    perform app.require_fresh_snapshot();
    -- Lock order: the doctor before slots.
    perform from app.doctors as d where d.user_id = new.doctor_id for no key update;
    update app.availability_slots as s
    set status = 'withdrawn'
    where s.doctor_id = new.doctor_id
      and s.status = 'open'
      and tstzrange(s.starts_at, s.ends_at) && tstzrange(new.starts_at, new.ends_at);
    return null;
end;
$$;

comment on function app.time_off_withdraws_open_slots() is
'Trigger: new time off withdraws the open slots that overlap it. Raises TM208.';

create trigger time_off_withdraws_open_slots
after insert on app.time_off
for each row execute function app.time_off_withdraws_open_slots();

-- A new slot and new time off each lock the doctor's row first, so that each sees the other. The
-- trigger availability_slots_are_offered_by_active_doctors takes that lock before this one fires.
set local role telemed_internal;
create function app.availability_slots_respect_time_off()
returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    if exists (
        select from app.time_off as t
        where t.doctor_id = new.doctor_id
          and tstzrange(t.starts_at, t.ends_at) && tstzrange(new.starts_at, new.ends_at)
    ) then
        raise exception 'The doctor has time off in this period' using errcode = 'TM913';
    end if;
    return new;
end;
$$;

comment on function app.availability_slots_respect_time_off() is
'Trigger: a new slot does not overlap time off of its doctor. Raises TM913.';
reset role;

create trigger availability_slots_respect_time_off
before insert on app.availability_slots
for each row execute function app.availability_slots_respect_time_off();

alter table app.time_off enable row level security;
alter table app.time_off force row level security;
create policy time_off_are_all_there_for_internal_functions
on app.time_off to telemed_internal using (true);

create policy time_off_is_seen_by_its_doctor_and_admins
on app.time_off to telemed_owner
using (
    doctor_id = (select nullif(current_setting('app.verified_user_id', true), '')::uuid)
    or (select current_setting('app.verified_role', true)) = 'admin');

create view api.time_off as
select
    id,
    doctor_id,
    starts_at::timestamptz as starts_at,
    ends_at::timestamptz as ends_at,
    reason::text as reason,
    created_at::timestamptz as created_at
from app.time_off;

comment on view api.time_off is 'An interval in which a doctor offers no slots.';

create type api.time_off_taken as (
    id uuid,
    doctor_id uuid,
    starts_at timestamptz,
    ends_at timestamptz,
    reason text,
    created_at timestamptz,
    withdrawn_slot_ids uuid[],
    booked_consultation_ids uuid[]
);

comment on type api.time_off_taken is
'Time off with the ids of the slots that it withdrew and of the scheduled consultations that overlap
it.';

commit;
