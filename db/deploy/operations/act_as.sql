-- Deploy telemed:operations/act_as to pg

begin;

create function ops.act_as(p_user text)
returns api.users
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_user api.users;
begin
    select u.* into v_user
    from api.users as u
    where lower(u.email) = lower(p_user) or u.id::text = lower(p_user);
    if not found then
        raise exception 'There is no such user' using errcode = 'TM406';
    end if;

    perform app.set_actor(v_user.id, v_user.role);
    perform set_config(
        'app.request_id', format('psql-%s-%s', pg_backend_pid(), txid_current()), true);
    perform set_config('app.refusals', 'raise', true);
    return v_user;
end;
$$;

comment on function ops.act_as(text) is
'Makes the rest of this transaction act as a user, named by e-mail address or id. The audit trail
keeps the database login beside the user. Refusals are errors from here on, also those that are
remembered for clients of the REST API: see app.refuse. Raises TM406.';

grant execute on function ops.act_as(text) to telemed_dba;

commit;
