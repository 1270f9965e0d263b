-- Deploy telemed:foundation/are_different to pg

begin;

create function app.are_different(p_values text[])
returns boolean
language plpgsql immutable
set search_path = pg_catalog, pg_temp
as $$
begin
    return coalesce(array_ndims(p_values), 1) = 1
        and cardinality(p_values) = (select count(distinct v) from unnest(p_values) as v);
end;
$$;

comment on function app.are_different(text[]) is
'Whether a list has one dimension, no null and no value twice; null for null.';

commit;
