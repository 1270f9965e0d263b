-- Deploy telemed:scheduling/slot_of_cursor to pg

begin;

create function app.slot_of_cursor(p_cursor uuid)
returns app.availability_slots
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    v_slot app.availability_slots;
begin
    if p_cursor is null then
        v_slot.starts_at := '1900-01-01 00:00:00+00';
        v_slot.id := '00000000-0000-0000-0000-000000000000';
        return v_slot;
    end if;

    select s.* into v_slot from app.availability_slots as s where s.id = p_cursor;
    if not found then
        raise exception 'The cursor does not come from this list'
            using errcode = 'TM201', column = 'cursor';
    end if;
    return v_slot;
end;
$$;

comment on function app.slot_of_cursor(uuid) is
'The slot after which a page begins; for the first page one before all others. Raises TM201.';

commit;
