-- Step 1: what a consultation holds is kept in a table of its own, which stays one table.
--
-- A unique or exclusion constraint on a partitioned table would have to contain the partition key,
-- so that it could not compare consultations of two partitions. Run as a superuser; a moment's lock
-- on consultations, which is given up after two seconds: then run it again.

begin;
set local lock_timeout = '2s';
set local search_path = pg_catalog, pg_temp;
set local role telemed_owner;

create table app.consultation_holds (
    consultation_id uuid primary key references app.consultations,
    slot_id uuid not null,
    patient_id uuid not null,
    starts_at app.instant not null,
    ends_at app.instant not null,
    is_scheduled boolean not null,
    constraint consultation_holds_one_per_slot unique (slot_id),
    constraint consultation_holds_of_a_patient_never_overlap
    exclude using gist (
        patient_id extensions.gist_uuid_ops with operator(pg_catalog.=),
        tstzrange(starts_at, ends_at) with operator(pg_catalog.&&)
    ) where (is_scheduled)
);

comment on table app.consultation_holds is
'The slot and the time that each consultation holds that is not cancelled: one row for each, written
by a trigger. It decides every race for a slot, in whichever partition the consultation is.';

alter table app.consultation_holds enable row level security;
alter table app.consultation_holds force row level security;
create policy consultation_holds_are_all_there_for_internal_functions
on app.consultation_holds to telemed_internal using (true);

create trigger consultation_holds_are_never_truncated
before truncate on app.consultation_holds
for each statement execute function app.rows_are_append_only();

set local role telemed_internal;
create function app.consultations_keep_their_hold()
returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    if new.status = 'cancelled' then
        delete from app.consultation_holds where consultation_id = new.id;
    else
        insert into app.consultation_holds
        values (
            new.id, new.slot_id, new.patient_id, new.starts_at, new.ends_at,
            new.status = 'scheduled')
        on conflict (consultation_id) do update
        set slot_id = excluded.slot_id, starts_at = excluded.starts_at, ends_at = excluded.ends_at,
            is_scheduled = excluded.is_scheduled;
    end if;
    return null;
end;
$$;

comment on function app.consultations_keep_their_hold() is
'Trigger: writes what a consultation holds to app.consultation_holds. A cancelled one holds nothing.
Raises 23505 (the slot is held), 23P01 (the patient is in another consultation at that time).';

set local role telemed_owner;
create trigger consultations_keep_their_hold
after insert or update on app.consultations
for each row execute function app.consultations_keep_their_hold();
-- Also where triggers are off, as under session_replication_role = replica.
alter table app.consultations enable always trigger consultations_keep_their_hold;

commit;
