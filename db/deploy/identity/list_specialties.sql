-- Deploy telemed:identity/list_specialties to pg

begin;

create view api.specialties as
select
    s.code::text as code,
    s.name::text as name,
    (select count(*) from app.doctors as d
     where d.specialty_code = s.code and d.deactivated_at is null) as active_doctors
from app.specialties as s;

comment on view api.specialties is
'A specialty of the list, and how many active doctors have it.';

create function api.list_specialties(p_limit integer default 50, p_cursor text default null)
returns setof api.specialties
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_after text;
    v_page text[];
begin
    perform app.current_actor();
    v_after := app.cursor_position('list_specialties', p_cursor) ->> 0;
    perform app.check_limit(p_limit);
    v_page := array(
        select s.code from app.specialties as s
        where v_after is null or s.code > v_after
        order by s.code limit p_limit + 1);
    perform app.set_next_cursor(
        'list_specialties',
        case when cardinality(v_page) > p_limit then jsonb_build_array(v_page[p_limit]) end);

    return query
    select s.* from api.specialties as s where s.code = any (v_page[:p_limit]) order by s.code;
end;
$$;

comment on function api.list_specialties(integer, text) is
'The list of specialties, by code, each with the number of active doctors; 0 if all have left.
p_limit: 1 to 1000 rows; p_cursor: app.next_cursor of the page before. Raises TM101, TM102, TM201,
TM302.';

grant execute on function api.list_specialties(integer, text) to telemed_api, telemed_dba;

commit;
