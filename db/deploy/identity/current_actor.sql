-- Deploy telemed:identity/current_actor to pg

begin;

create type app.actor as (user_id uuid, role text);

comment on type app.actor is 'The caller: a user and the role they have.';

create function app.current_actor()
returns app.actor
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    -- After a commit a transaction-local variable reads as '', not as null.
    v_user_id text := nullif(current_setting('app.user_id', true), '');
    v_role text := nullif(current_setting('app.role', true), '');
    v_actor app.actor;
begin
    if v_user_id is null or v_role is null then
        raise exception 'Not signed in' using errcode = 'TM101';
    end if;

    select u.id, u.role into v_actor
    from app.users as u
    where u.id = v_user_id::uuid and u.role = v_role and u.deactivated_at is null;
    if not found then
        raise exception 'The account is no longer active in this role' using errcode = 'TM102';
    end if;
    return v_actor;
end;
$$;

comment on function app.current_actor() is
'The caller, from the transaction-local variables app.user_id and app.role, checked against
app.users. Fails closed: raises TM101 without a context, TM102 when the account is deactivated
or has another role by now.';

commit;
