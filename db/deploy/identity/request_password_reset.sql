-- Deploy telemed:identity/request_password_reset to pg

begin;

set local role telemed_internal;
create function app.make_password_reset(p_user app.users)
returns setof api.password_resets
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    -- 256 random bits in base64url (RFC 4648, section 5), for whoever asks.
    v_token text := translate(encode(extensions.gen_random_bytes(32), 'base64'), '+/=', '-_');
    v_is_granted boolean := false;
begin
    -- Nobody waits here, so that how long an answer takes tells nothing: of two requests for one
    -- account at the same moment one counts.
    if p_user.id is not null and p_user.deactivated_at is null
        and pg_try_advisory_xact_lock(
            hashtextextended('password reset ' || p_user.id, 0)) then
        select count(*) < 3 into v_is_granted
        from app.password_resets as r
        where r.user_id = p_user.id and r.requested_at > app.clock() - interval '1 hour';
    end if;

    if v_is_granted then
        -- Lock order: the user, then their password resets. Waits for a change of role only.
        perform from app.users as u where u.id = p_user.id for key share;
        update app.password_resets
        set revoked_at = app.clock()
        where user_id = p_user.id and used_at is null and revoked_at is null;
        insert into app.password_resets (user_id, token_hash)
        values (p_user.id, sha256(convert_to(v_token, 'UTF8')));
        return next (p_user.email, v_token)::api.password_resets;
    else
        -- Means nothing to anybody, but has to be on the disk before the answer, as a request has.
        perform pg_logical_emit_message(true, 'password reset', '');
    end if;
end;
$$;

comment on function app.make_password_reset(app.users) is
'A new password reset of a user, which revokes the one before; no row for null, for a deactivated
account, and for the fourth request within an hour.';
reset role;

create function api.request_password_reset(p_email text)
returns setof api.password_resets
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    perform app.forget_actor();
    perform app.proven_context();
    return query select r.* from app.make_password_reset(app.account_of_email(p_email)) as r;
end;
$$;

comment on function api.request_password_reset(text) is
'A token with which the user of an e-mail address can choose a new password within 30 minutes, once,
and the address to send it to: that of the account, however p_email is written. Earlier tokens of
the user are worth nothing from now on. No row when there is no such account or it is deactivated,
and after three requests within an hour: nobody but the owner of the mailbox may learn which.
Anybody may call it. Raises TM101.';

grant execute on function api.request_password_reset(text) to telemed_api, telemed_dba;

commit;
