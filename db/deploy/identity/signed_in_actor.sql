-- Deploy telemed:identity/signed_in_actor to pg

begin;

create type app.actor as (
    user_id uuid,
    role text,
    session_id uuid,
    lacks_second_factor boolean
);

comment on type app.actor is
'The caller: a user, the role they have, the session in which they signed in, which is null after
ops.act_as, and whether their role requires a second factor that this session was begun without.';

-- Row-level security and the audit trail read app.verified_user_id and app.verified_role. Anybody
-- can set those two, but every function of api and ops begins with both empty (its SET clauses) and
-- has its caller's own back when it ends: in between they say what stands here.
set local role telemed_internal;
create function app.signed_in_actor()
returns app.actor
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_actor app.actor;
    v_is_signed_in boolean;
begin
    -- One query, because every request comes by here: see app.contexts. `coalesce`, because a null
    -- would set what the session began with, and anybody can choose that.
    select
        c.user_id is not null,
        nullif(set_config('app.verified_user_id', coalesce(a.id::text, ''), true), '')::uuid,
        nullif(set_config('app.verified_role', coalesce(a.role, ''), true), ''),
        c.session_id,
        a.lacks_second_factor
    into
        v_is_signed_in, v_actor.user_id, v_actor.role, v_actor.session_id,
        v_actor.lacks_second_factor
    from app.contexts as c
    left join lateral (
        select
            u.id,
            u.role,
            r.second_factor_required and s.id is not null and s.second_factor_at is null
            as lacks_second_factor
        from app.users as u
        inner join app.roles as r on r.name = u.role
        left join app.sessions as s
            on s.id = c.session_id
            and s.user_id = u.id
            and s.revoked_at is null
            and s.expires_at > statement_timestamp()
        where u.id = c.user_id
          and u.role = c.role
          and u.deactivated_at is null
          and s.id is not distinct from c.session_id
    ) as a on true;
    if v_actor.user_id is not null then
        return v_actor;
    elsif v_is_signed_in then
        raise exception 'The session is over, or the account no longer active in this role'
            using errcode = 'TM102';
    end if;
    raise exception 'Not signed in' using errcode = 'TM101';
end;
$$;

comment on function app.signed_in_actor() is
'The caller of app.proven_context, checked against app.users and app.sessions: whoever is
deactivated, has another role by now or has logged out is refused at once. Whether their role
requires a second factor is not looked at: only for what has to work before there is one, else see
app.current_actor. Fails closed: raises TM101 without a genuine context, TM102 when it is out of
date.';

commit;
