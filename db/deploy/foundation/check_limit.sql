-- Deploy telemed:foundation/check_limit to pg

begin;

create function app.check_limit(p_limit integer)
returns void
language plpgsql immutable
set search_path = pg_catalog, pg_temp
as $$
begin
    if p_limit is null or p_limit not between 1 and 1000 then
        raise exception 'The limit must be from 1 to 1000'
            using errcode = 'TM201', column = 'limit';
    end if;
end;
$$;

comment on function app.check_limit(integer) is
'Refuses a page size that is null or outside 1 to 1000 rows. Raises TM201.';

commit;
