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
            raise exception 'A consultation has the doctor and the time of its slot'
                using errcode = 'TM912';
        end if;
        return new;
    end if;

    select s.doctor_id, s.starts_at, s.ends_at into new.doctor_id, new.starts_at, new.ends_at
    from app.availability_slots as s
    where s.id = new.slot_id and s.status = 'open'
    for no key update;
    if not found then
        raise exception 'The slot is not open' using errcode = 'TM901';
    end if;
    if tg_op = 'UPDATE' and new.doctor_id <> old.doctor_id then
        raise exception 'The slot is another doctor''s: cancel and book anew'
            using errcode = 'TM207', column = 'slot_id';
    end if;
    if tg_op = 'UPDATE' and new.status <> 'scheduled' then
        raise exception 'A consultation is moved or ended, not both at once'
            using errcode = 'TM912';
    end if;
    return new;
end;
$$;

comment on function app.consultations_have_the_doctor_and_time_of_their_slot() is
'Trigger: a new consultation needs an open slot, a moved one an open slot of the same doctor; doctor
and time are the slot''s. Raises TM207, TM901, TM912.';

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
        -- Lock order: the consultation, its doctor, slots. The doctor may be going away right now:
        -- then the slot is not offered again.
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
'Trigger: marks the slot of a new or moved consultation as booked; frees the slot of a moved or
cancelled one, or withdraws it when its doctor has taken time off or is deactivated. Raises TM208.';
reset role;

create trigger consultations_hold_their_slot
after insert or update on app.consultations
for each row execute function app.consultations_hold_their_slot();

commit;
