-- Deploy telemed:foundation/roles to pg
--
-- Roles belong to the whole cluster, not to this database. A superuser runs this file once before
-- the first deployment; when Sqitch runs it again as telemed_owner it finds every role and does
-- nothing.

begin;

do $$
begin
    -- Two deployments may start at the same moment on one cluster.
    perform pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended('telemed roles', 0));

    if pg_catalog.to_regrole('telemed_owner') is null then
        create role telemed_owner nologin;
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
end;
$$;

commit;
