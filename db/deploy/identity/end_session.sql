-- Deploy telemed:identity/end_session to pg

begin;

create function api.end_session(p_session_id uuid)
returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_actor app.actor := app.signed_in_actor();
begin
    update app.sessions
    set revoked_at = app.clock()
    where id = p_session_id
      and user_id = v_actor.user_id
      and revoked_at is null
      and expires_at > app.clock();
    if not found then
        raise exception 'You have no such session, or it has ended' using errcode = 'TM420';
    end if;
end;
$$;

comment on function api.end_session(uuid) is
'Ends one of the caller''s sessions, which may be the calling one: its tokens are refused from the
next request on. Needs no second factor. Raises TM101, TM102, TM420.';

grant execute on function api.end_session(uuid) to telemed_api, telemed_dba;

commit;
