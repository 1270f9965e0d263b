-- Deploy telemed:foundation/is_ascending to pg

begin;

create function app.is_ascending(p_order text, p_default text)
returns boolean
language plpgsql immutable
set search_path = pg_catalog, pg_temp
as $$
declare
    v_field text := ltrim(p_default, '-');
begin
    if p_order not in (v_field, '-' || v_field) then
        raise exception 'The order must be % or -%', v_field, v_field
            using errcode = 'TM201', column = 'order';
    end if;
    return coalesce(p_order, p_default) = v_field;
end;
$$;

comment on function app.is_ascending(text, text) is
'Whether the order of a list is ascending. p_order: the field of p_default, with a minus sign for
the descending order; null for p_default. Raises TM201.';

commit;
