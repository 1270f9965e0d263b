-- Deploy telemed:identity/issue_refresh_token to pg

begin;

set local role telemed_internal;
create function app.issue_refresh_token(p_session_id uuid, p_token text)
returns api.sessions
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_session api.sessions;
begin
    insert into app.refresh_tokens (token_hash, session_id)
    values (sha256(convert_to(p_token, 'UTF8')), p_session_id);

    select u.id, u.role, s.id, p_token, s.expires_at::timestamptz into strict v_session
    from app.sessions as s
    inner join app.users as u on u.id = s.user_id
    where s.id = p_session_id;
    return v_session;
end;
$$;

comment on function app.issue_refresh_token(uuid, text) is
'Makes p_token the refresh token of a session. Only its SHA-256 is stored.';

create function app.first_refresh_token()
returns text
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    return translate(encode(extensions.gen_random_bytes(32), 'base64'), '+/=', '-_');
end;
$$;

comment on function app.first_refresh_token() is
'The first refresh token of a session: 256 random bits in base64url (RFC 4648, section 5).';

create function app.next_refresh_token(p_token text)
returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
    return (
        select translate(
            encode(extensions.hmac(convert_to(p_token, 'UTF8'), s.value, 'sha256'), 'base64'),
            '+/=', '-_')
        from app.secrets as s
        where s.name = 'next_refresh_token');
end;
$$;

comment on function app.next_refresh_token(text) is
'The successor of a refresh token: its HMAC-SHA-256 under a secret key of the database, in
base64url. It can be returned again without being stored, and nobody can compute it without the
key.';

commit;
