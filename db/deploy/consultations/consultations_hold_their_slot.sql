-- Deploy telemed:consultations/consultations_hold_their_slot to pg

begin;

create function app.consultations_have_the_doctor_and_time_of_their_slot()
returns trigger
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    if tg_op = 'UPDATE' and new.slot_id = old.slot_id then
        if (new.doctor_id, new.starts_at, new.ends_at)
            is distinct from (old.doctor_id, old.starts_at, old.ends_at) then
            raise exception 'The doctor and the time of a consultation are those of its slot'
                using errcode = 'TM912';
        end if;
        return new;
    end if;

    select s.doctor_id, s.starts_at, s.ends_at into new.doctor_id, new.starts_at, new.ends_at
    from app.availability_slots as s
    where s.id = new.slot_id and s.status = 'open'
    for no key update;
    if not found then
        raise exception 'The slot is not open: choose another slot' using errcode = 'TM901';
    end if;
    if tg_op = 'UPDATE' and new.doctor_id <> old.doctor_id then
        raise exception 'The slot belongs to another doctor: cancel and book again'
            using errcode = 'TM207', column = 'slot_id';
    end if;
    if tg_op = 'UPDATE' and new.status <> 'scheduled' then
        raise exception 'The slot and the status of a consultation cannot change at once'
            using errcode = 'TM912';
    end if;
    return new;
end;
$$;

comment on function app.consultations_have_the_doctor_and_time_of_their_slot() is
'Trigger: a new consultation needs an open slot; a moved consultation needs an open slot of the same
doctor. The trigger sets the doctor and the time to those of the slot. Raises TM207, TM901, TM912.';

create trigger consultations_have_the_doctor_and_time_of_their_slot
before insert or update on app.consultations
for each row execute function app.consultations_have_the_doctor_and_time_of_their_slot();

set local role telemed_internal;
create function app.consultations_hold_their_slot()
returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    if tg_op = 'INSERT' or new.slot_id <> old.slot_id then
        update app.availability_slots set status = 'booked' where id = new.slot_id;
    end if;

    if tg_op = 'UPDATE' and (new.slot_id <> old.slot_id or new.status = 'cancelled') then
        perform app.require_fresh_snapshot();
        -- Lock order: the consultation, its doctor, slots. If a concurrent transaction deactivates
        -- the doctor or adds time off, the slot does not become open again.
        perform from app.doctors as d where d.user_id = old.doctor_id for share;
        update app.availability_slots as s
        set status = case
            when exists (
                select from app.time_off as t
                where t.doctor_id = s.doctor_id
                  and tstzrange(t.starts_at, t.ends_at) && tstzrange(s.starts_at, s.ends_at)
            ) or exists (
                select from app.users as u
                where u.id = s.doctor_id and u.deactivated_at is not null
            ) then 'withdrawn'
            else 'open'
        end
        where s.id = old.slot_id;
    end if;
    return null;
end;
$$;

comment on function app.consultations_hold_their_slot() is
'Trigger: marks the slot of a new or moved consultation as booked. Opens the former slot of a moved
or cancelled consultation, or withdraws it if its doctor has time off or is deactivated. Raises
TM208.';
reset role;

create trigger consultations_hold_their_slot
after insert or update on app.consultations
for each row execute function app.consultations_hold_their_slot();

commit;
