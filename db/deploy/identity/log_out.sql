-- Deploy telemed:identity/log_out to pg

begin;

create function api.log_out(p_session_id uuid default null, p_refresh_token text default null)
returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_actor app.actor := app.current_actor();
begin
    update app.sessions
    set revoked_at = app.clock()
    where user_id = v_actor.user_id
      and revoked_at is null
      and id in (
          select p_session_id
          union all
          select t.session_id from app.refresh_tokens as t
          where t.token_hash = sha256(convert_to(p_refresh_token, 'UTF8')));
end;
$$;

comment on function api.log_out(uuid, text) is
'Ends the caller''s session p_session_id and the one that p_refresh_token belongs to. Doing so
again, or for a session that is not the caller''s, changes nothing. Raises TM101, TM102.';

grant execute on function api.log_out(uuid, text) to telemed_api, telemed_dba;

commit;
