-- Deploy telemed:identity/list_doctors to pg

begin;

create function api.list_doctors(
    p_specialty text default null,
    p_q text default null,
    p_limit integer default 50,
    p_cursor uuid default null
)
returns setof api.doctors
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    perform app.current_actor();
    perform app.check_limit(p_limit);
    return query
    select d.*
    from api.doctors as d
    where (p_specialty is null or lower(d.specialty) = lower(p_specialty))
      -- A substring, not a pattern: % and _ in a name mean themselves.
      and (p_q is null or position(lower(p_q) in lower(d.full_name)) > 0)
      and (p_cursor is null or d.id > p_cursor)
    order by d.id
    limit p_limit;
end;
$$;

comment on function api.list_doctors(text, text, integer, uuid) is
'Doctors in the order in which they joined. p_specialty: the whole name, p_q: part of the doctor''s
name, both regardless of case. p_limit: 1 to 1000 rows; p_cursor: id of the last row seen. Raises
TM101, TM102, TM201, TM302.';

grant execute on function api.list_doctors(text, text, integer, uuid) to telemed_api, telemed_dba;

commit;
