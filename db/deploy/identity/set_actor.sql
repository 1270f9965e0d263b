-- Deploy telemed:identity/set_actor to pg

begin;

set local role telemed_internal;
create function app.set_actor(
    p_user_id uuid,
    p_role text,
    p_session_id uuid default null
)
returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_user_id text := coalesce(p_user_id::text, '');
    v_role text := coalesce(p_role, '');
    v_session_id text := coalesce(p_session_id::text, '');
    v_valid text := app.this_transaction();
begin
    perform set_config('app.user_id', v_user_id, true);
    perform set_config('app.role', v_role, true);
    perform set_config('app.verified_user_id', v_user_id, true);
    perform set_config('app.verified_role', v_role, true);
    perform set_config(
        'app.proof',
        (select
            format('database|%s|%s|', v_session_id, v_valid)
            || encode(
                extensions.hmac(
                    convert_to(
                        format(
                            '%s|%s|%s|%s|%s', v_session_id, v_valid, v_user_id, v_role,
                            current_setting('app.request_id', true)),
                        'UTF8'),
                    k.key,
                    'sha256'),
                'hex')
         from app.context_keys as k
         where k.id = 'database'),
        true);
end;
$$;

comment on function app.set_actor(uuid, text, uuid) is
'Makes a user the actor for the rest of the transaction, with the session of a log-in or refresh
token, or without one for sign-up, password reset and ops.act_as. The audit log then names this
user. Null and null make a context without a user.';

commit;
