-- Deploy telemed:scheduling/availability_slots to pg

begin;

create table app.availability_slots (
    id uuid primary key default app.uuid_v7(),
    doctor_id uuid not null references app.doctors,
    starts_at app.instant not null,
    ends_at app.instant not null,
    specialty app.line not null,
    status text not null default 'open',
    created_at app.instant not null default app.clock(),
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
'The doctor''s specialty in lower case, for searching: a trigger fills it in and keeps it.';
comment on table app.availability_slots is
'Times that doctors offer. booked means: held by a consultation that is not cancelled. A withdrawn
slot keeps its row, because consultations may have referred to it.';

create index availability_slots_by_doctor on app.availability_slots (doctor_id);

create index availability_slots_open_by_doctor
on app.availability_slots (doctor_id, starts_at, id) where status = 'open';

create index availability_slots_open_by_specialty
on app.availability_slots (specialty, starts_at, id) where status = 'open';

create index availability_slots_open_by_time
on app.availability_slots (starts_at, id) where status = 'open';

create function app.availability_slots_have_their_doctors_specialty()
returns trigger
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    -- The lock keeps the specialty as it is until this slot is there to be changed with it.
    select lower(d.specialty)::app.line into new.specialty
    from app.doctors as d where d.user_id = new.doctor_id for no key update;
    return new;
end;
$$;

comment on function app.availability_slots_have_their_doctors_specialty() is
'Trigger: copies the doctor''s specialty to a new slot.';

create trigger availability_slots_have_their_doctors_specialty
before insert on app.availability_slots
for each row execute function app.availability_slots_have_their_doctors_specialty();

create function app.doctors_take_their_slots_along()
returns trigger
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    update app.availability_slots
    set specialty = lower(new.specialty)
    where doctor_id = new.user_id and status <> 'withdrawn';
    return null;
end;
$$;

comment on function app.doctors_take_their_slots_along() is
'Trigger: a change of a doctor''s specialty reaches the doctor''s slots.';

create trigger doctors_take_their_slots_along
after update of specialty on app.doctors
for each row execute function app.doctors_take_their_slots_along();

create function app.availability_slots_keep_their_time()
returns trigger
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    if (new.id, new.doctor_id, new.starts_at, new.ends_at)
        is distinct from (old.id, old.doctor_id, old.starts_at, old.ends_at) then
        raise exception 'A slot keeps its doctor and its time' using errcode = 'TM912';
    end if;
    if old.status = 'withdrawn' then
        raise exception 'A withdrawn slot stays withdrawn' using errcode = 'TM912';
    end if;
    return new;
end;
$$;

comment on function app.availability_slots_keep_their_time() is
'Trigger: a slot changes its status only, and no more once it is withdrawn. Raises TM912.';

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
    d.full_name as doctor_name,
    d.specialty,
    d.fee_minor,
    d.currency
from app.availability_slots as s
inner join api.doctors as d on d.id = s.doctor_id;

comment on view api.offered_slots is 'A slot with what a patient wants to know of its doctor.';

commit;
