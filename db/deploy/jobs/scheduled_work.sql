-- Deploy telemed:jobs/scheduled_work to pg
--
-- What the schedule of the worker calls (worker/tasks). Each is a function of DBAs.

begin;

create function work.create_partitions()
returns setof text
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    perform app.forget_actor();
    return query select p.* from ops.create_partitions() as p;
end;
$$;

comment on function work.create_partitions() is
'ops.create_partitions with its default. Raises TM201.';

grant execute on function work.create_partitions to telemed_worker;

create function work.check_invariants(p_since timestamptz)
returns setof api.invariants
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_report api.invariants[];
begin
    perform app.forget_actor();
    v_report := array(select i from ops.check_invariants(p_since) as i);
    return query
    select
        r.name, r.description, coalesce(f.violations, r.violations),
        coalesce(f.examples, r.examples)
    from unnest(v_report) as r
    left join app.invariant_findings as f on f.name = r.name;
end;
$$;

comment on function work.check_invariants(timestamptz) is
'ops.check_invariants, with the findings of earlier checks that are not repaired: the alarm stays on
when the rows become older than p_since.';

grant execute on function work.check_invariants to telemed_worker;

create function work.delete_ended_jobs()
returns bigint
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_jobs bigint;
begin
    perform app.forget_actor();
    delete from procrastinate.procrastinate_jobs as j
    where j.status not in ('todo', 'doing')
      and coalesce((
          select max(e.at) from procrastinate.procrastinate_events as e where e.job_id = j.id),
          '-infinity')
          < now() - case
              -- The schedule has enqueued it again since.
              when j.queueing_lock is not null then interval '1 day'
              when j.status in ('failed', 'aborted') then interval '90 days'
              else interval '1 day' end;
    get diagnostics v_jobs = row_count;
    return v_jobs;
end;
$$;

comment on function work.delete_ended_jobs() is
'Deletes dead jobs after 90 days, and those of the schedule and cancelled ones after a day; returns
how many. A job that succeeds is deleted at once.';

grant execute on function work.delete_ended_jobs to telemed_worker;

set local role telemed_internal;

create function work.purge(p_keep_days integer)
returns setof ops.purged
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    perform app.forget_actor();
    return query select p.* from ops.purge(interval '1 day' * p_keep_days) as p;
end;
$$;

comment on function work.purge(integer) is
'ops.purge, which keeps rows for p_keep_days (PURGE_AFTER_DAYS). Raises TM201.';

grant execute on function work.purge to telemed_worker;

create function work.seal_audit(p_wait interval default '5 seconds')
returns bigint
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    perform app.forget_actor();
    return (select count(*) from ops.seal_audit(p_wait => p_wait) as s);
end;
$$;

comment on function work.seal_audit(interval) is
'ops.seal_audit with its default of rows; returns the number of new seals. Raises TM201, TM208,
TM990.';

grant execute on function work.seal_audit to telemed_worker;

create function work.audit_seals(p_after_id bigint)
returns setof jsonb
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
begin
    perform app.forget_actor();
    return query
    select jsonb_build_object(
        'id', s.id, 'kind', s.kind, 'month', s.month::text, 'after_id', s.after_id,
        'last_id', s.last_id, 'row_count', s.row_count, 'rows_digest', s.rows_digest,
        'sealed_at', (extract(epoch from s.sealed_at) * 1000000)::bigint,
        'database_login', s.database_login, 'previous_hash', s.previous_hash, 'hash', s.hash)
    from ops.audit_seals as s
    where s.id > p_after_id
    order by s.id
    limit 10000;
end;
$$;

comment on function work.audit_seals(bigint) is
'The seals after the one with the id p_after_id, at most 10,000, in the form that
scripts/verify_audit.py compares: sealed_at in microseconds since 1970.';

grant execute on function work.audit_seals to telemed_worker;

create function work.fold_activity()
returns bigint
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    perform app.forget_actor();
    return ops.fold_activity(100000);
end;
$$;

comment on function work.fold_activity() is
'ops.fold_activity for 100,000 ids; returns how many it has folded. Raises TM201.';

grant execute on function work.fold_activity to telemed_worker;

commit;
