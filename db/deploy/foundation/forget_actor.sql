-- Deploy telemed:foundation/forget_actor to pg

begin;

-- The functions have no SET clauses for these settings: only a superuser can give a function a
-- setting that no module has defined, and a managed server has no superuser.
create function app.forget_actor()
returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    perform
        set_config('app.verified_user_id', '', true),
        set_config('app.verified_role', '', true);
end;
$$;

comment on function app.forget_actor() is
'Begins a call without a verified actor: empties app.verified_user_id and app.verified_role, which
any client can set. Every function of api and ops begins with this function, or with one that
verifies the caller and sets both: app.signed_in_actor, app.current_actor, app.require_role.';

grant execute on function app.forget_actor() to telemed_internal;

commit;
