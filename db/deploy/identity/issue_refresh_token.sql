-- Deploy telemed:identity/issue_refresh_token to pg

begin;

create function app.issue_refresh_token(p_session_id uuid)
returns api.sessions
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_token text := translate(encode(extensions.gen_random_bytes(32), 'base64'), '+/=', '-_');
    v_session api.sessions;
begin
    insert into app.refresh_tokens (token_hash, session_id)
    values (sha256(convert_to(v_token, 'UTF8')), p_session_id);

    select u.id, u.role, s.id, v_token, s.expires_at::timestamptz into strict v_session
    from app.sessions as s
    inner join app.users as u on u.id = s.user_id
    where s.id = p_session_id;
    return v_session;
end;
$$;

comment on function app.issue_refresh_token(uuid) is
'Makes the next refresh token of a session: 256 random bits in base64url (RFC 4648, section 5).';

commit;
