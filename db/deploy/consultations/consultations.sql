-- Deploy telemed:consultations/consultations to pg

begin;

create table app.consultation_transitions (
    from_status text not null,
    to_status text not null,
    primary key (from_status, to_status)
);

comment on table app.consultation_transitions is
'The permitted transitions between statuses of a consultation. A trigger refuses every other one,
whichever way a row is written.';

insert into app.consultation_transitions (from_status, to_status)
values ('scheduled', 'completed'), ('scheduled', 'cancelled');

create trigger consultation_transitions_are_audited
after insert or update or delete on app.consultation_transitions
for each row execute function app.record_change('from_status');

create trigger consultation_transitions_are_never_truncated
before truncate on app.consultation_transitions
for each statement execute function app.rows_are_append_only();

create table app.consultations (
    id uuid primary key default app.uuid_v7(),
    slot_id uuid not null references app.availability_slots,
    doctor_id uuid not null references app.doctors,
    patient_id uuid not null,
    patient_role text not null default 'patient',
    starts_at app.instant not null,
    ends_at app.instant not null,
    status text not null default 'scheduled',
    reason app.prose,
    notes app.prose,
    cancellation_reason app.prose,
    fee_minor app.amount_minor not null,
    currency app.currency not null,
    created_at app.instant not null default app.clock(),
    updated_at app.instant not null default app.clock(),
    completion_digest bytea,
    calendar_sequence integer not null default 0,
    constraint consultations_are_booked_by_users_with_the_role_patient
    foreign key (patient_id, patient_role) references app.users (id, role),
    constraint consultations_patient_role_is_patient check (patient_role = 'patient'),
    constraint consultations_end_after_they_start check (ends_at > starts_at),
    constraint consultations_status_is_known
    check (status in ('scheduled', 'completed', 'cancelled')),
    constraint consultations_have_notes_only_once_completed
    check (notes is null or status = 'completed'),
    constraint consultations_have_a_cancellation_reason_only_once_cancelled
    check (cancellation_reason is null or status = 'cancelled'),
    constraint consultations_have_a_digest_exactly_when_completed
    check ((completion_digest is not null) = (status = 'completed')),
    constraint consultations_calendar_sequence_is_not_negative check (calendar_sequence >= 0),
    constraint consultations_completion_digest_is_a_sha256
    check (octet_length(completion_digest) = 32),
    constraint consultations_of_a_patient_never_overlap
    exclude using gist (
        patient_id extensions.gist_uuid_ops with operator(pg_catalog.=),
        tstzrange(starts_at, ends_at) with operator(pg_catalog.&&)
    ) where (status = 'scheduled')
);

comment on table app.consultations is
'Bookings of slots. A trigger sets doctor_id, starts_at and ends_at to those of the slot.';
comment on column app.consultations.fee_minor is
'The doctor''s fee at the booking, in minor units of currency. Later changes of the doctor''s fee do
not change it.';

comment on column app.consultations.completion_digest is
'app.consultation_digest at completion: ops.check_invariants compares it with the present row.';

comment on column app.consultations.calendar_sequence is
'How often the consultation was rescheduled or cancelled: the SEQUENCE of its entry in a calendar
(RFC 5545, section 3.8.7.4). A trigger counts.';

-- This index decides every race for a slot.
create unique index consultations_one_per_slot
on app.consultations (slot_id) where status <> 'cancelled';

create index consultations_by_patient on app.consultations (patient_id, starts_at, id);
create index consultations_by_doctor on app.consultations (doctor_id, starts_at, id);
create index consultations_by_time on app.consultations (starts_at, id);

alter table app.consultations enable row level security;
alter table app.consultations force row level security;
create policy consultations_are_all_there_for_internal_functions
on app.consultations to telemed_internal using (true);

-- `case`, because the planner expects that an `or` matches almost no row, and would then sort all
-- consultations of a doctor to find the latest fifty.
create policy consultations_are_seen_by_patient_doctor_and_admins
on app.consultations for select to telemed_owner
using (
    case (select current_setting('app.verified_role', true))
        when 'patient' then
            patient_id = (select nullif(current_setting('app.verified_user_id', true), '')::uuid)
        when 'doctor' then
            doctor_id = (select nullif(current_setting('app.verified_user_id', true), '')::uuid)
        when 'admin' then true
        else false
    end);

create policy consultations_are_changed_by_patient_doctor_and_admins
on app.consultations for update to telemed_owner
using (
    case (select current_setting('app.verified_role', true))
        when 'patient' then
            patient_id = (select nullif(current_setting('app.verified_user_id', true), '')::uuid)
        when 'doctor' then
            doctor_id = (select nullif(current_setting('app.verified_user_id', true), '')::uuid)
        when 'admin' then true
        else false
    end);

create policy consultations_are_booked_by_their_patient
on app.consultations for insert to telemed_owner
with check (
    patient_id = nullif(current_setting('app.verified_user_id', true), '')::uuid);

set local role telemed_internal;
create function app.doctor_has_patient(p_doctor_id uuid, p_patient_id uuid)
returns boolean
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
set enable_bitmapscan = off
as $$
begin
    -- By the few consultations of the patient, not by all of the doctor's.
    return exists (
        select from app.consultations as c
        where c.patient_id = p_patient_id and c.doctor_id = p_doctor_id);
end;
$$;

comment on function app.doctor_has_patient(uuid, uuid) is
'Whether a doctor has or had a consultation of a patient, also a cancelled one.';
reset role;

-- A function, because a subquery here would be planned again as a part of every caller's query.
create policy profiles_are_seen_by_their_user_their_doctors_and_admins
on app.profiles for select to telemed_owner
using (
    user_id = (select nullif(current_setting('app.verified_user_id', true), '')::uuid)
    or case (select current_setting('app.verified_role', true))
        when 'admin' then true
        when 'doctor' then
            app.doctor_has_patient(
                (select nullif(current_setting('app.verified_user_id', true), '')::uuid), user_id)
        else false
    end);

create view api.consultations as
select
    c.id,
    c.slot_id,
    c.doctor_id,
    d.full_name::text as doctor_name,
    c.patient_id,
    patient.full_name::text as patient_name,
    c.starts_at::timestamptz as starts_at,
    c.ends_at::timestamptz as ends_at,
    c.status,
    c.reason::text as reason,
    c.notes::text as notes,
    c.cancellation_reason::text as cancellation_reason,
    c.fee_minor::bigint as fee_minor,
    c.currency::text as currency,
    -- Nearly always the currency of the doctor: a call for each row would make lists slower.
    case when c.currency = d.currency then d.currency_exponent
    else app.currency_exponent(c.currency) end as currency_exponent,
    c.created_at::timestamptz as created_at,
    c.updated_at::timestamptz as updated_at
from app.consultations as c
inner join app.doctors as d on d.user_id = c.doctor_id
inner join app.profiles as patient on patient.user_id = c.patient_id;

comment on view api.consultations is
'A consultation with the names of its doctor and its patient. fee_minor: minor units of currency.';

commit;
