-- Deploy telemed:consultations/consultations_hold_their_slot to pg

begin;

create function app.consultations_hold_their_slot()
returns trigger
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    if tg_op = 'UPDATE' and new.slot_id <> old.slot_id and new.status <> 'scheduled' then
        raise exception 'A consultation is moved or ended, not both at once'
            using errcode = 'TM912';
    end if;

    if tg_op = 'INSERT' or new.slot_id <> old.slot_id then
        update app.availability_slots
        set status = 'booked'
        where id = new.slot_id and status = 'open'
        returning doctor_id, starts_at, ends_at into new.doctor_id, new.starts_at, new.ends_at;
        if not found then
            raise exception 'The slot is not open' using errcode = 'TM901';
        end if;
    elsif (new.doctor_id, new.starts_at, new.ends_at)
        is distinct from (old.doctor_id, old.starts_at, old.ends_at) then
        raise exception 'A consultation has the doctor and the time of its slot'
            using errcode = 'TM912';
    end if;

    if tg_op = 'UPDATE' and (new.slot_id <> old.slot_id or new.status = 'cancelled') then
        -- Lock order: the consultation, its doctor, slots. The doctor may be taking time off right
        -- now: a slot that lies in it is not offered again.
        perform from app.doctors as d where d.user_id = old.doctor_id for share;
        update app.availability_slots as s
        set status = case when exists (
            select from app.time_off as t
            where t.doctor_id = s.doctor_id
              and tstzrange(t.starts_at, t.ends_at) && tstzrange(s.starts_at, s.ends_at)
        ) then 'withdrawn' else 'open' end
        where s.id = old.slot_id;
    end if;
    return new;
end;
$$;

comment on function app.consultations_hold_their_slot() is
'Trigger: takes the slot of a new or moved consultation and copies its doctor and time; frees the
slot of a moved or cancelled one, or withdraws it when its doctor has taken time off. Raises TM901,
TM912.';

create trigger consultations_hold_their_slot
before insert or update on app.consultations
for each row execute function app.consultations_hold_their_slot();

commit;
