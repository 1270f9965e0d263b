-- Deploy telemed:scheduling/availability_slots to pg

begin;

create table app.availability_slots (
    id uuid primary key default app.uuid_v7(),
    doctor_id uuid not null references app.doctors,
    starts_at app.instant not null,
    ends_at app.instant not null,
    specialty app.code not null,
    status text not null default 'open',
    created_at app.instant not null default app.clock(),
    -- A local time is not an instant.
    -- squawk-ignore prefer-timestamp-tz
    starts_at_local timestamp,
    time_zone app.line,
    constraint availability_slots_have_a_local_start_with_its_zone_or_neither
    check ((starts_at_local is null) = (time_zone is null)),
    constraint availability_slots_start_within_two_days_of_their_local_start
    check (
        starts_at_local - starts_at at time zone 'UTC'
        between interval '-48 hours' and interval '48 hours'
    ),
    constraint availability_slots_last_from_1_minute_to_24_hours
    check (ends_at - starts_at between interval '1 minute' and interval '24 hours'),
    constraint availability_slots_status_is_known check (status in ('open', 'booked', 'withdrawn')),
    constraint availability_slots_of_a_doctor_never_overlap
    exclude using gist (
        doctor_id extensions.gist_uuid_ops with operator(pg_catalog.=),
        tstzrange(starts_at, ends_at) with operator(pg_catalog.&&)
    ) where (status <> 'withdrawn')
);

comment on column app.availability_slots.specialty is
'The code of the doctor''s specialty, for searches. Triggers set it and keep it up to date.';
comment on column app.availability_slots.starts_at_local is
'The local time of starts_at in time_zone, by the time zone rules at the time of publication. Null
for a slot that was published by its instant. See ops.slots_of_changed_zones.';
comment on column app.availability_slots.time_zone is
'The zone of starts_at_local: an IANA name.';
comment on table app.availability_slots is
'Times that doctors offer. The status is booked while a consultation that is not cancelled holds the
slot. A withdrawn slot keeps its row, because cancelled consultations may refer to it.';

create index availability_slots_open_by_doctor
on app.availability_slots (doctor_id, starts_at, id) where status = 'open';

create index availability_slots_open_by_specialty
on app.availability_slots (specialty, starts_at, id) where status = 'open';

create index availability_slots_open_by_time
on app.availability_slots (starts_at, id) where status = 'open';

set local role telemed_internal;
create function app.availability_slots_are_offered_by_active_doctors()
returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    perform app.require_fresh_snapshot();
    -- The lock keeps the doctor's specialty, account and time off unchanged until this transaction
    -- ends, so that a later change of them sees this slot. Lock order: the doctor before slots.
    select d.specialty_code into new.specialty
    from app.doctors as d where d.user_id = new.doctor_id for no key update;

    if new.status <> 'open' then
        raise exception 'A new slot must be open, not %', new.status using errcode = 'TM912';
    end if;
    if exists (
        select from app.users as u where u.id = new.doctor_id and u.deactivated_at is not null
    ) then
        raise exception 'The doctor''s account is deactivated' using errcode = 'TM102';
    end if;
    return new;
end;
$$;

comment on function app.availability_slots_are_offered_by_active_doctors() is
'Trigger: a new slot is open, the account of its doctor is not deactivated, and the slot gets the
doctor''s specialty. Raises TM102, TM208, TM912.';
reset role;

create trigger availability_slots_are_offered_by_active_doctors
before insert on app.availability_slots
for each row execute function app.availability_slots_are_offered_by_active_doctors();

create function app.deactivated_doctors_offer_no_slots()
returns trigger
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    perform app.require_fresh_snapshot();
    perform from app.doctors as d where d.user_id = new.id for no key update;
    update app.availability_slots
    set status = 'withdrawn'
    where doctor_id = new.id and status = 'open';
    return null;
end;
$$;

comment on function app.deactivated_doctors_offer_no_slots() is
'Trigger: deactivating a doctor''s account withdraws the doctor''s open slots. Scheduled
consultations stay scheduled; an admin can cancel them. Raises TM208.';

create trigger deactivated_doctors_offer_no_slots
after update of deactivated_at on app.users
for each row
when (old.deactivated_at is null and new.deactivated_at is not null and new.role = 'doctor')
execute function app.deactivated_doctors_offer_no_slots();

create function app.doctors_take_their_slots_along()
returns trigger
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    perform app.require_fresh_snapshot();
    update app.availability_slots
    set specialty = new.specialty_code
    where doctor_id = new.user_id and status <> 'withdrawn';
    return null;
end;
$$;

comment on function app.doctors_take_their_slots_along() is
'Trigger: a change of a doctor''s specialty also changes the specialty of the doctor''s open and
booked slots. Raises TM208.';

create trigger doctors_take_their_slots_along
after update on app.doctors
for each row
when (old.specialty_code is distinct from new.specialty_code)
execute function app.doctors_take_their_slots_along();

set local role telemed_internal;
create function app.availability_slots_keep_their_time()
returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    if (new.id, new.doctor_id, new.starts_at, new.ends_at, new.starts_at_local, new.time_zone)
        is distinct from (
            old.id, old.doctor_id, old.starts_at, old.ends_at, old.starts_at_local, old.time_zone
        ) then
        raise exception 'The doctor and the time of a slot cannot change: publish another slot'
            using errcode = 'TM912';
    end if;
    if old.status = 'withdrawn' then
        raise exception 'A withdrawn slot cannot change: publish another slot'
            using errcode = 'TM912';
    end if;
    if new.status <> old.status and (new.status = 'booked') <> exists (
        select from app.consultations as c where c.slot_id = new.id and c.status <> 'cancelled'
    ) then
        raise exception 'The status must be booked exactly while a consultation holds the slot'
            using errcode = 'TM912';
    end if;
    return new;
end;
$$;

comment on function app.availability_slots_keep_their_time() is
'Trigger: a slot keeps its doctor and its time. A change of its status makes it booked exactly if a
consultation that is not cancelled holds it. A withdrawn slot cannot change. Raises TM912.';
reset role;

create trigger availability_slots_keep_their_time
before update on app.availability_slots
for each row execute function app.availability_slots_keep_their_time();

create trigger availability_slots_are_audited
after insert or update or delete on app.availability_slots
for each row execute function app.record_change('id');

create trigger availability_slots_are_never_deleted
before delete on app.availability_slots
for each row execute function app.rows_are_append_only();

create trigger availability_slots_are_never_truncated
before truncate on app.availability_slots
for each statement execute function app.rows_are_append_only();

create view api.availability_slots as
select
    id,
    doctor_id,
    starts_at::timestamptz as starts_at,
    ends_at::timestamptz as ends_at,
    status
from app.availability_slots;

comment on view api.availability_slots is 'A slot: open, booked or withdrawn.';

create view api.offered_slots as
select
    s.id,
    s.doctor_id,
    s.starts_at::timestamptz as starts_at,
    s.ends_at::timestamptz as ends_at,
    s.status,
    d.full_name::text as doctor_name,
    d.specialty::text as specialty,
    d.fee_minor::bigint as fee_minor,
    d.currency::text as currency,
    d.currency_exponent
from app.availability_slots as s
inner join app.doctors as d on d.user_id = s.doctor_id;

comment on view api.offered_slots is
'A slot with the name, specialty and fee of its doctor. fee_minor: minor units of currency.';

commit;
