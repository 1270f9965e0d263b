-- Deploy telemed:events/accounts_write_events to pg

begin;

create function app.new_accounts_write_events()
returns trigger
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    perform app.add_event(
        'account.created', jsonb_build_object('role', new.role), p_user_id => new.id);
    return null;
end;
$$;

comment on function app.new_accounts_write_events() is
'Trigger: an event account.created for each new account. Raises TM101.';

create function app.accounts_write_events()
returns trigger
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    if new.email <> old.email then
        perform app.add_event(
            'account.email_changed', jsonb_build_object('former_email', old.email),
            p_user_id => new.id);
    end if;
    if new.password_hash <> old.password_hash then
        perform app.add_event('account.password_changed', p_user_id => new.id);
    end if;
    if (new.mfa_confirmed_at is null) <> (old.mfa_confirmed_at is null) then
        perform app.add_event(
            'account.second_factor_changed',
            jsonb_build_object('is_in_force', new.mfa_confirmed_at is not null),
            p_user_id => new.id);
    end if;
    if (new.deactivated_at is null) <> (old.deactivated_at is null) then
        perform app.add_event(
            case
                when new.deactivated_at is null then 'account.activated'
                -- Only its owner closes an account: api.deactivate_user is for those of others.
                when (app.present_cause()).actor_id = new.id then 'account.closed'
                else 'account.deactivated'
            end,
            p_user_id => new.id);
    end if;
    return null;
end;
$$;

comment on function app.accounts_write_events() is
'Trigger: an event for a new address, a new password, another second factor, the end of an account
(account.closed by its owner, account.deactivated by others) and its return. Raises TM101.';

create function app.email_verifications_write_events()
returns trigger
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    perform app.add_event(
        'account.email_verification_requested',
        jsonb_build_object('email_verification_id', new.id),
        p_user_id => new.user_id);
    return null;
end;
$$;

comment on function app.email_verifications_write_events() is
'Trigger: an event for each token that verifies an address, without the token. Raises TM101.';

create function app.password_resets_write_events()
returns trigger
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    perform app.add_event(
        'account.password_reset_requested', jsonb_build_object('password_reset_id', new.id),
        p_user_id => new.user_id);
    return null;
end;
$$;

comment on function app.password_resets_write_events() is
'Trigger: an event for each token that sets a new password, without the token. Raises TM101.';

create trigger users_write_events_when_new
after insert on app.users
for each row execute function app.new_accounts_write_events();

create trigger users_write_events
after update of email, password_hash, mfa_confirmed_at, deactivated_at on app.users
for each row execute function app.accounts_write_events();

create trigger email_verifications_write_events
after insert on app.email_verifications
for each row execute function app.email_verifications_write_events();

create trigger password_resets_write_events
after insert on app.password_resets
for each row execute function app.password_resets_write_events();

set local role telemed_internal;
create function app.note_new_device(p_user_id uuid, p_email text, p_address text)
returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    -- The first log-in after a sign-up is no news. A log-in in psql has no address.
    if p_address is not null
        and exists (select from app.sessions as s where s.user_id = p_user_id)
        and not exists (
            select from app.log_in_attempts as a
            where a.subject = app.log_in_subject('both', p_email, p_address)
              and a.succeeded_at > app.clock() - interval '30 days')
    then
        perform app.add_event('account.signed_in_on_new_device', p_user_id => p_user_id);
    end if;
end;
$$;

comment on function app.note_new_device(uuid, text, text) is
'An event for a log-in from an address (p_address) from which nobody has logged in to the account
within 30 days, unless the account has no session yet. api.log_in calls it before it counts the
success. Raises TM101.';
reset role;

commit;
