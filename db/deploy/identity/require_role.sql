-- Deploy telemed:identity/require_role to pg

begin;

create function app.require_role(variadic p_roles text[])
returns app.actor
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    v_actor app.actor := app.current_actor();
begin
    if v_actor.role <> all (p_roles) then
        raise exception 'The role % may not do this', v_actor.role using errcode = 'TM301';
    end if;
    return v_actor;
end;
$$;

comment on function app.require_role(text[]) is
'The actor, who must have one of the roles p_roles. Raises TM101, TM102, TM301, TM302.';

commit;
