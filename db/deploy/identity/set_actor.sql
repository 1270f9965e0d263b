-- Deploy telemed:identity/set_actor to pg

begin;

create function app.set_actor(p_user_id uuid, p_role text)
returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    perform set_config('app.user_id', p_user_id::text, true);
    perform set_config('app.role', p_role, true);
end;
$$;

comment on function app.set_actor(uuid, text) is
'Makes a user the caller for the rest of the transaction: somebody who has just proved who they are,
or whom a database administrator acts as. The audit trail then names them.';

commit;
