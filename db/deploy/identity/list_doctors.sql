-- Deploy telemed:identity/list_doctors to pg

begin;

create function api.list_doctors(
    p_specialty text default null,
    p_q text default null,
    p_limit integer default 50,
    p_cursor text default null
)
returns setof api.doctors
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_after uuid;
    v_page uuid[];
begin
    perform app.current_actor();
    v_after := (app.cursor_position('list_doctors', p_cursor) ->> 0)::uuid;
    perform app.check_limit(p_limit);
    v_page := array(
        select d.id from api.doctors as d
        where d.is_active
          and (p_specialty is null or lower(d.specialty) = lower(p_specialty))
          -- A substring, not a pattern: % and _ in a name mean themselves.
          and (p_q is null or position(lower(p_q) in lower(d.full_name)) > 0)
          and (v_after is null or d.id > v_after)
        order by d.id limit p_limit + 1);
    perform app.set_next_cursor(
        'list_doctors',
        case when cardinality(v_page) > p_limit then jsonb_build_array(v_page[p_limit]) end);

    return query
    select d.*
    from api.doctors as d
    where d.id = any (v_page[:p_limit])
    order by d.id;
end;
$$;

comment on function api.list_doctors(text, text, integer, text) is
'Active doctors, in the order in which they joined. p_specialty: a whole specialty; p_q: a part of
the doctor''s name; both regardless of case. p_limit: 1 to 1000 rows; p_cursor: app.next_cursor of
the page before. Raises TM101, TM102, TM201, TM302.';

grant execute on function api.list_doctors(text, text, integer, text) to telemed_api, telemed_dba;

commit;
