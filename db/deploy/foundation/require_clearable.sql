-- Deploy telemed:foundation/require_clearable to pg

begin;

create function app.require_clearable(p_clear text[], p_clearable text[])
returns void
language plpgsql immutable
set search_path = pg_catalog, pg_temp
as $$
declare
    v_field text;
begin
    foreach v_field in array coalesce(p_clear, '{}') loop
        if v_field is null or v_field <> all (p_clearable) then
            raise exception 'Only these fields can be cleared: %',
                array_to_string(p_clearable, ', ')
                using errcode = 'TM201', column = coalesce(v_field, 'clear');
        end if;
    end loop;
end;
$$;

comment on function app.require_clearable(text[], text[]) is
'Refuses a list of fields to clear, p_clear, with a field that is not in p_clearable. A function
that changes a row takes null for a field that stays as it is, so it has an argument p_clear with
the names of the fields that become null: the null of a JSON merge patch (RFC 7396). Raises TM201.';

commit;
