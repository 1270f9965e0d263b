-- Deploy telemed:identity/current_actor to pg

begin;

create type app.actor as (user_id uuid, role text, session_id uuid);

comment on type app.actor is
'The caller: a user, the role they have, and the session in which they signed in, which is null
after ops.act_as.';

-- Row-level security and the audit trail read app.verified_user_id and app.verified_role. Anybody
-- can set those two, but every function of api and ops begins with both empty (its SET clauses) and
-- has its caller's own back when it ends: in between they say what stands here.
set local role telemed_internal;
create function app.current_actor()
returns app.actor
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_context app.context := app.proven_context();
begin
    if v_context.user_id is null then
        raise exception 'Not signed in' using errcode = 'TM101';
    end if;

    if not exists (
        select from app.users as u
        where u.id = v_context.user_id
          and u.role = v_context.role
          and u.deactivated_at is null
    ) then
        raise exception 'The account is no longer active in this role' using errcode = 'TM102';
    end if;
    if v_context.session_id is not null and not exists (
        select from app.sessions as s
        where s.id = v_context.session_id
          and s.user_id = v_context.user_id
          and s.revoked_at is null
          and s.expires_at > statement_timestamp()
    ) then
        raise exception 'The session is over' using errcode = 'TM102';
    end if;

    perform
        set_config('app.verified_user_id', v_context.user_id::text, true),
        set_config('app.verified_role', v_context.role, true);
    return (v_context.user_id, v_context.role, v_context.session_id)::app.actor;
end;
$$;

comment on function app.current_actor() is
'The caller of app.proven_context, checked against app.users and app.sessions: whoever is
deactivated, has another role by now or has logged out is refused at once. Fails closed: raises
TM101 without a genuine context, TM102 when it is out of date.';

commit;
