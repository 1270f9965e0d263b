-- Deploy telemed:calendars/create_my_calendar to pg

begin;

create function api.create_my_calendar()
returns api.calendar_feeds
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_actor app.actor := app.require_role('patient', 'doctor');
    -- 256 random bits in base64url (RFC 4648, section 5).
    v_token constant text :=
        translate(encode(extensions.gen_random_bytes(32), 'base64'), '+/=', '-_');
    v_feed app.calendar_feeds;
begin
    -- Lock order: the user. Of two requests at once, the second revokes the address of the first.
    perform app.lock_account(v_actor.user_id);
    -- Verified again under the lock: the account may have been closed meanwhile.
    perform app.require_role('patient', 'doctor');

    update app.calendar_feeds
    set revoked_at = app.clock()
    where user_id = v_actor.user_id and revoked_at is null;
    insert into app.calendar_feeds (user_id, token_hash)
    values (v_actor.user_id, sha256(convert_to(v_token, 'UTF8')))
    returning * into v_feed;
    return (v_token, v_feed.created_at::timestamptz)::api.calendar_feeds;
end;
$$;

comment on function api.create_my_calendar() is
'Returns a token with which a calendar application can read the consultations of the calling patient
or doctor (api.get_calendar_feed) until it is revoked. It replaces an earlier one, which ends. A new
password, another role and a deactivation revoke it, too. Raises TM101, TM102, TM301, TM302.';

grant execute on function api.create_my_calendar() to telemed_api, telemed_dba;

commit;
