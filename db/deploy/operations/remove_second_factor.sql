-- Deploy telemed:operations/remove_second_factor to pg

begin;

set local role telemed_internal;
create function ops.remove_second_factor(p_user text)
returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_user app.users;
begin
    perform app.forget_actor();
    v_user := app.account_named(p_user);
    select u.* into v_user from app.users as u where u.id = v_user.id for no key update;
    if not found then
        raise exception 'There is no user with this e-mail address or id' using errcode = 'TM406';
    end if;
    if v_user.mfa_confirmed_at is null then
        raise exception 'The user has no second factor to remove' using errcode = 'TM915';
    end if;

    update app.users
    set mfa_secret = null, mfa_confirmed_at = null, mfa_last_step = null
    where id = v_user.id;
end;
$$;

comment on function ops.remove_second_factor(text) is
'Removes the second factor of a user who has lost it together with the recovery codes. p_user:
e-mail address or id. Verify first that the request comes from that user. Raises TM406, TM915.';

grant execute on function ops.remove_second_factor(text) to telemed_dba;

commit;
