-- Deploy telemed:foundation/forget_actor to pg

begin;

-- No SET clause of each function: PostgreSQL lets only a superuser give a function a setting that
-- no module has defined, and on a managed server nobody is one.
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
'Begins a call in which no caller is verified: empties app.verified_user_id and app.verified_role,
which any client can set. Every function of api and ops starts with this, or with a function that
verifies the caller and sets both: app.signed_in_actor, app.current_actor, app.require_role.';

grant execute on function app.forget_actor() to telemed_internal;

commit;
