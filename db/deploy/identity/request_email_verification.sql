-- Deploy telemed:identity/request_email_verification to pg

begin;

create function api.request_email_verification()
returns setof api.email_verifications
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_actor app.actor := app.current_actor();
    v_user app.users := app.lock_account(v_actor.user_id);
begin
    -- Verified again under the lock: the account may have been closed meanwhile.
    perform app.current_actor();

    if v_user.email_verified_at is not null then
        raise exception 'The e-mail address is verified already' using errcode = 'TM931';
    end if;
    perform app.limit_email_verifications(v_user.id, v_user.email);
    return query
    select v.* from app.make_email_verification(v_user.id, v_user.email) as v;
end;
$$;

comment on function api.request_email_verification() is
'Returns a token with which the caller can verify the e-mail address of the account within 24 hours
(api.verify_email), and the address to send it to. The hint of TM802 has the seconds to wait. Raises
TM101, TM102, TM302, TM802, TM931.';

grant execute on function api.request_email_verification() to telemed_api, telemed_dba;

commit;
