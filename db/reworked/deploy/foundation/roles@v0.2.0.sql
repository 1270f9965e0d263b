-- Deploy telemed:foundation/roles to pg
--
-- Roles belong to the whole cluster, not to this database. A superuser, or a role with CREATEROLE
-- (managed servers have no superuser), runs this file before a deployment; when Sqitch runs it
-- again as telemed_owner it finds everything and does nothing.

begin;

do $$
declare
    -- Since PostgreSQL 16 the role that creates another one may administer it, but not become it.
    v_set constant text := case
        when current_setting('server_version_num')::integer < 160000 then 'member' else 'set' end;
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

    -- The deployment acts as the owner.
    if not pg_catalog.pg_has_role(current_user, 'telemed_owner', v_set) then
        execute pg_catalog.format('grant telemed_owner to %I', current_user);
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
    if pg_catalog.to_regrole('telemed_auditor') is null then
        create role telemed_auditor nologin;
    end if;

    -- Who is blocked by whom, and which statements are slow. Only a role that may administer
    -- pg_monitor can grant it.
    begin
        if not pg_catalog.pg_has_role('telemed_dba', 'pg_monitor', 'member') then
            grant pg_monitor to telemed_dba;
        end if;
    exception
        when insufficient_privilege then null;
    end;
end;
$$;

commit;
