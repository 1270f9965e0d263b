-- Deploy telemed:foundation/roles to pg
--
-- Roles belong to the whole cluster, not to this database. A superuser, or a role with CREATEROLE
-- (managed servers have no superuser), runs this file before a deployment; when Sqitch runs it
-- again as telemed_owner, everything exists and it changes nothing.

begin;

do $$
declare
    -- Since PostgreSQL 16 the role that creates another one may administer it, but not become it.
    v_set constant text := case
        when current_setting('server_version_num')::integer < 160000 then 'member' else 'set' end;
    v_role text;
begin
    -- Two deployments may start at the same moment on one cluster.
    perform pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended('telemed roles', 0));

    -- Owns every object. Row-level security is forced upon it: it does not inherit what
    -- telemed_internal may see.
    if pg_catalog.to_regrole('telemed_owner') is null then
        create role telemed_owner nologin noinherit;
    end if;

    -- Owns the few functions that read rows which their caller may not see.
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

    -- A start-up parameter would not work: poolers refuse it.
    if not exists (
        select from pg_catalog.pg_db_role_setting as s
         where s.setrole = 'telemed_api'::pg_catalog.regrole and s.setdatabase = 0
           and 'TimeZone=UTC' = any (s.setconfig)) then
        alter role telemed_api set timezone = 'UTC';
    end if;

    -- Runs the jobs of the queue. The library's statements name its tables without their schema.
    if pg_catalog.to_regrole('telemed_worker') is null then
        create role telemed_worker login;
        alter role telemed_worker set search_path = procrastinate;
        alter role telemed_worker set timezone = 'UTC';
        alter role telemed_worker set statement_timeout = '10min';
        alter role telemed_worker set lock_timeout = '5s';
        alter role telemed_worker set idle_in_transaction_session_timeout = '1min';
    end if;

    if pg_catalog.to_regrole('telemed_dba') is null then
        create role telemed_dba nologin;
    end if;
    if pg_catalog.to_regrole('telemed_auditor') is null then
        create role telemed_auditor nologin;
    end if;

    -- Reads every row, for pg_dump --role=telemed_backup. Members have to name it, because nobody
    -- inherits BYPASSRLS. Only a superuser can give that, or a role that has it itself since
    -- PostgreSQL 16: otherwise scripts/deploy.sh and ops.advise say so. Without it, the role reads
    -- nothing: a dump with rows missing would look complete.
    if pg_catalog.to_regrole('telemed_backup') is null then
        create role telemed_backup nologin;
    end if;
    begin
        if not (select r.rolbypassrls from pg_catalog.pg_roles as r
                where r.rolname = 'telemed_backup') then
            alter role telemed_backup bypassrls;
        end if;
        if not pg_catalog.pg_has_role('telemed_backup', 'pg_read_all_data', 'member') then
            grant pg_read_all_data to telemed_backup;
        end if;
    exception
        when insufficient_privilege then null;
    end;

    -- Statistics of other sessions, and the right to end them (except a superuser's). Since
    -- PostgreSQL 16 only a role that may administer these two can grant them: scripts/deploy.sh and
    -- ops.advise say so when they are missing.
    begin
        if not pg_catalog.pg_has_role('telemed_dba', 'pg_monitor', 'member') then
            grant pg_monitor to telemed_dba;
        end if;
        if not pg_catalog.pg_has_role('telemed_dba', 'pg_signal_backend', 'member') then
            grant pg_signal_backend to telemed_dba;
        end if;
    exception
        when insufficient_privilege then null;
    end;

    -- A server that logs slow statements also logs their parameters: context signatures, password
    -- hashes, reasons of bookings. Only a superuser may set log_parameter_max_length.
    foreach v_role in array array['telemed_api', 'telemed_worker'] loop
        if not exists (
            select from pg_catalog.pg_db_role_setting as s
            where s.setdatabase = 0 and s.setrole = v_role::regrole
              and s.setconfig @> '{log_parameter_max_length=0,log_parameter_max_length_on_error=0}'
        ) then
            begin
                execute pg_catalog.format(
                    'alter role %I set log_parameter_max_length_on_error = 0', v_role);
                execute pg_catalog.format(
                    'alter role %I set log_parameter_max_length = 0', v_role);
            exception
                when insufficient_privilege then null;
            end;
        end if;
    end loop;
end;
$$;

commit;
