-- Deploy telemed:identity/request_password_reset to pg

begin;

set local role telemed_internal;
create function app.make_password_reset(p_user app.users, p_address text)
returns setof api.password_resets
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    -- 256 random bits in base64url (RFC 4648, section 5), for every request.
    v_token text := translate(encode(extensions.gen_random_bytes(32), 'base64'), '+/=', '-_');
    v_from bytea := app.log_in_subject('both', p_user.email, p_address);
    v_pause_began timestamptz := app.clock() - interval '5 minutes';
    v_is_granted boolean := false;
begin
    -- No request waits here, because a timing difference would reveal which accounts exist: of two
    -- concurrent requests for one account from one address, one is granted.
    if p_user.id is not null and p_user.deactivated_at is null
        and pg_try_advisory_xact_lock(
            hashtextextended('password reset ' || encode(v_from, 'hex'), 0)) then
        select
            (l.from_here < 5 or l.last_from_here <= v_pause_began)
            and (l.in_all < 20 or l.last_in_all <= v_pause_began or l.is_known)
        into v_is_granted
        from (
            select
                count(*) filter (where r.requested_from = v_from) as from_here,
                max(r.requested_at) filter (where r.requested_from = v_from) as last_from_here,
                count(*) as in_all,
                max(r.requested_at) as last_in_all,
                exists (
                    select from app.log_in_attempts as a
                    where a.subject = v_from
                      and a.succeeded_at > app.clock() - interval '30 days') as is_known
            from app.password_resets as r
            where r.user_id = p_user.id and r.requested_at > app.clock() - interval '1 hour'
        ) as l;
    end if;

    if v_is_granted then
        -- Lock order: the user, then their password resets. Only a change of role is waited for.
        perform from app.users as u where u.id = p_user.id for key share;
        insert into app.password_resets (user_id, token_hash, requested_from)
        values (p_user.id, sha256(convert_to(v_token, 'UTF8')), v_from);
        return next (p_user.email, v_token)::api.password_resets;
    else
        -- Has no other use than to be on the disk before the answer, as a granted request is.
        perform pg_logical_emit_message(true, 'password reset', '');
    end if;
end;
$$;

comment on function app.make_password_reset(app.users, text) is
'Creates a password reset of a user beside those that are in force. Returns no row for null, for a
deactivated account and over the limits: from one address (p_address) five within an hour, and then
one every 5 minutes; from all addresses together twenty, and then one every 5 minutes, except for
addresses that have logged in to the account within 30 days. So nobody can keep the user from a
message: one in the mailbox is always at most 5 minutes old.';
reset role;

create function api.request_password_reset(p_email text, p_address text default null)
returns setof api.password_resets
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    perform app.forget_actor();
    perform app.proven_context();
    return query
    select r.* from app.make_password_reset(app.account_of_email(p_email), p_address) as r;
end;
$$;

comment on function api.request_password_reset(text, text) is
'Returns a token with which the user of an e-mail address can choose a new password once within 30
minutes, and the address to send it to: that of the account, however p_email is written. Earlier
tokens stay in force until one of them is used. p_address: the address of the client, for the limits
of app.make_password_reset. Returns no row for an unknown or deactivated account and over these
limits: only the owner of the mailbox may learn which. For every caller, logged in or not. Raises
TM101.';

grant execute on function api.request_password_reset(text, text) to telemed_api, telemed_dba;

commit;
