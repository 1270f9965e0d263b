-- Deploy telemed:prescriptions/prescriptions to pg

begin;

create table app.prescriptions (
    id uuid primary key default app.uuid_v7(),
    consultation_id uuid not null references app.consultations,
    notes app.prose,
    issued_at app.instant not null default app.clock()
);

comment on table app.prescriptions is
'Prescriptions of completed consultations. The consultation has the patient and the doctor.';

create index prescriptions_by_consultation on app.prescriptions (consultation_id, id);
create index prescriptions_by_time on app.prescriptions (issued_at);

create table app.prescription_items (
    prescription_id uuid not null references app.prescriptions,
    position smallint not null,
    drug app.line not null,
    dosage app.line not null,
    instructions app.prose,
    duration_days smallint,
    primary key (prescription_id, position),
    constraint prescription_items_are_at_most_50 check (position between 1 and 50),
    constraint prescription_items_last_from_1_to_3650_days check (duration_days between 1 and 3650)
);

comment on table app.prescription_items is
'The items of a prescription: one medicine each, in the order of position.';

set local role telemed_internal;
create function app.prescriptions_follow_a_completed_consultation()
returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    -- No lock: a completed consultation cannot change.
    if not exists (
        select from app.consultations as c
        where c.id = new.consultation_id and c.status = 'completed'
    ) then
        raise exception 'The consultation is not completed: complete it before you prescribe'
            using errcode = 'TM907';
    end if;
    return new;
end;
$$;

comment on function app.prescriptions_follow_a_completed_consultation() is
'Trigger: the consultation of a new prescription is completed. Raises TM907.';
reset role;

create trigger prescriptions_follow_a_completed_consultation
before insert on app.prescriptions
for each row execute function app.prescriptions_follow_a_completed_consultation();

set local role telemed_internal;
create function app.prescription_items_are_issued_at_once()
returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    if not exists (
        select from app.prescriptions as p
        where p.id = new.prescription_id and p.issued_at = app.clock()
    ) then
        raise exception 'An issued prescription cannot get another item: issue a new prescription'
            using errcode = 'TM912';
    end if;
    return new;
end;
$$;

comment on function app.prescription_items_are_issued_at_once() is
'Trigger: an item is written by the statement that issues its prescription. Raises TM912.';
reset role;

create trigger prescription_items_are_issued_at_once
before insert on app.prescription_items
for each row execute function app.prescription_items_are_issued_at_once();

-- Security definer for the same reason as app.users_are_complete: it runs as the committing role.
set local role telemed_internal;
create function app.prescriptions_have_items()
returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    if not exists (select from app.prescription_items as i where i.prescription_id = new.id) then
        raise exception 'A prescription must have at least one item' using errcode = 'TM209';
    end if;
    return null;
end;
$$;

comment on function app.prescriptions_have_items() is
'Trigger: a new prescription has an item when its transaction ends. Raises TM209.';
reset role;

create constraint trigger prescriptions_have_items
after insert on app.prescriptions
deferrable initially deferred
for each row execute function app.prescriptions_have_items();

create trigger prescriptions_are_append_only
before update or delete on app.prescriptions
for each row execute function app.rows_are_append_only();

create trigger prescriptions_are_never_truncated
before truncate on app.prescriptions
for each statement execute function app.rows_are_append_only();

create trigger prescriptions_are_audited
after insert or update or delete on app.prescriptions
for each row execute function app.record_change('id');

create trigger prescription_items_are_append_only
before update or delete on app.prescription_items
for each row execute function app.rows_are_append_only();

create trigger prescription_items_are_never_truncated
before truncate on app.prescription_items
for each statement execute function app.rows_are_append_only();

create trigger prescription_items_are_audited
after insert or update or delete on app.prescription_items
for each row execute function app.record_change('prescription_id');

alter table app.prescriptions enable row level security;
alter table app.prescriptions force row level security;
create policy prescriptions_are_all_there_for_internal_functions
on app.prescriptions to telemed_internal using (true);

create policy prescriptions_are_seen_with_their_consultation
on app.prescriptions for select to telemed_owner
using (
    exists (select from app.consultations as c where c.id = consultation_id));

create policy prescriptions_are_issued_by_the_doctor
on app.prescriptions for insert to telemed_owner
with check (
    exists (
        select from app.consultations as c
        where c.id = consultation_id
          and c.doctor_id = (
              select nullif(current_setting('app.verified_user_id', true), '')::uuid)));

alter table app.prescription_items enable row level security;
alter table app.prescription_items force row level security;
create policy prescription_items_are_all_there_for_internal_functions
on app.prescription_items to telemed_internal using (true);

create policy prescription_items_are_seen_with_their_prescription
on app.prescription_items to telemed_owner
using (
    exists (select from app.prescriptions as p where p.id = prescription_id));

create type api.prescription_item as (
    drug text,
    dosage text,
    instructions text,
    duration_days integer
);

comment on type api.prescription_item is
'One item of a prescription. instructions and duration_days may be null.';

create view api.prescriptions as
select
    p.id,
    p.consultation_id,
    c.doctor_id,
    c.patient_id,
    array(
        select (i.drug, i.dosage, i.instructions, i.duration_days)::api.prescription_item
        from app.prescription_items as i
        where i.prescription_id = p.id
        order by i.position
    ) as items,
    p.notes::text as notes,
    p.issued_at::timestamptz as issued_at
from app.prescriptions as p
inner join app.consultations as c on c.id = p.consultation_id;

comment on view api.prescriptions is 'A prescription with its items in their order.';

commit;
