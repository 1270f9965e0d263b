-- Deploy telemed:identity/signed_in_actor to pg

begin;

create type app.actor as (
    user_id uuid,
    role text,
    session_id uuid,
    lacks_second_factor boolean
);

comment on type app.actor is
'The actor: the user, their role, the session of the context, which is null after ops.act_as, and
whether their role requires a second factor that the session was begun without.';

-- Row-level security and the audit log read app.verified_user_id and app.verified_role. Any client
-- can set these two, but every function of api and ops begins by verifying its caller, which sets
-- both, or with app.forget_actor, which empties both.
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
    -- One query, because every request runs it: see app.contexts. `coalesce`, because a null would
    -- set the value with which the database session began, and any client can choose that.
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
        raise exception 'The session has ended, or the account has changed: log in again'
            using errcode = 'TM102';
    end if;
    raise exception 'Not logged in: log in first' using errcode = 'TM101';
end;
$$;

comment on function app.signed_in_actor() is
'The actor of app.proven_context, checked against app.users and app.sessions: a user who is
deactivated, has another role by now or has logged out is refused at once. Does not require a second
factor: only for functions that have to work before there is one; all others call app.current_actor.
Fails closed: raises TM101 without a genuine context, TM102 if its session, account or role is not
valid any more.';

commit;
