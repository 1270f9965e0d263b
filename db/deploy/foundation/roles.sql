-- Deploy telemed:foundation/roles to pg
--
-- Roles belong to the whole cluster, not to this database. A superuser runs this file before a
-- deployment; when Sqitch runs it again as telemed_owner it finds everything and does nothing.

begin;

do $$
begin
    -- Two deployments may start at the same moment on one cluster.
    perform pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended('telemed roles', 0));

    -- Owns every object. Row-level security is forced upon it: it does not inherit what
    -- telemed_internal may see.
    if pg_catalog.to_regrole('telemed_owner') is null then
        create role telemed_owner nologin noinherit;
    end if;

    -- Owns the few functions that have to look beyond their caller.
    if pg_catalog.to_regrole('telemed_internal') is null then
        alter role telemed_owner noinherit;
        create role telemed_internal nologin noinherit;
        grant telemed_internal to telemed_owner;
    end if;

    -- Functions of api and ops begin with these two empty: see app.current_actor.
    if not pg_catalog.has_parameter_privilege(
        'telemed_internal', 'app.verified_user_id', 'set') then
        grant set on parameter app.verified_user_id, app.verified_role
        to telemed_owner, telemed_internal;
    end if;

    if pg_catalog.to_regrole('telemed_api') is null then
        create role telemed_api login;
        alter role telemed_api set statement_timeout = '3s';
        alter role telemed_api set lock_timeout = '1500ms';
        alter role telemed_api set idle_in_transaction_session_timeout = '5s';
    end if;

    if pg_catalog.to_regrole('telemed_dba') is null then
        create role telemed_dba nologin;
    end if;

    -- Who is blocked by whom, and which statements are slow.
    if not pg_catalog.pg_has_role('telemed_dba', 'pg_monitor', 'member') then
        grant pg_monitor to telemed_dba;
    end if;

    -- And who ends the session of whoever blocks all others, except a superuser's.
    if not pg_catalog.pg_has_role('telemed_dba', 'pg_signal_backend', 'member') then
        grant pg_signal_backend to telemed_dba;
    end if;

    if pg_catalog.to_regrole('telemed_auditor') is null then
        create role telemed_auditor nologin;
    end if;
end;
$$;

commit;
