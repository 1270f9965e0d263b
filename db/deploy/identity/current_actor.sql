-- Deploy telemed:identity/current_actor to pg

begin;

create function app.current_actor()
returns app.actor
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    v_actor app.actor := app.signed_in_actor();
begin
    if v_actor.lacks_second_factor then
        raise exception 'A second factor is required for this role: enrol one, or log in with it'
            using errcode = 'TM302';
    end if;
    return v_actor;
end;
$$;

comment on function app.current_actor() is
'The actor of app.signed_in_actor, with a second factor if their role requires one (app.roles). A
context that ops.act_as signed has no session and needs no second factor. Fails closed: raises
TM101, TM102, TM302.';

commit;
