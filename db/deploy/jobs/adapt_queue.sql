-- Deploy telemed:jobs/adapt_queue to pg

begin;

create function app.queue_migration()
returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
    return substring(
        obj_description('procrastinate'::regnamespace, 'pg_namespace'),
        'Last migration: (\S+)\.$');
end;
$$;

comment on function app.queue_migration() is
'The name of the last migration of the library procrastinate that its tables have, from the comment
on their schema; null before the library has made them.';

create function app.adapt_queue(p_migration text)
returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_function regprocedure;
    v_setting text;
    v_trigger name;
begin
    -- Triggers of the library write to its tables by their bare names, whoever enqueues a job.
    for v_function in
        select p.oid::regprocedure from pg_proc as p
        where p.pronamespace = 'procrastinate'::regnamespace and p.prokind = 'f'
          and 'search_path=pg_catalog, procrastinate, pg_temp'
              <> all (coalesce(p.proconfig, '{}'))
    loop
        execute format(
            'alter function %s set search_path = pg_catalog, procrastinate, pg_temp', v_function);
    end loop;

    -- A job is fetched by the index of priorities, and others with its lock are looked up in the
    -- index below. Any other plan reads all jobs for each one: a plan that was made for an empty
    -- queue took more than 25 s in a queue of 30,000, one without statistics 59 ms in one of 3,000.
    -- One case is left: a vacuum found no job, and many came at once. PostgreSQL counts one row
    -- then, for which all indexes are as good, and a fetch reads all jobs two or three times
    -- (153 ms for 30,000 on a busy machine) until autovacuum analyzes the table, within a minute by
    -- default.
    for v_function, v_setting in
        select p.oid::regprocedure, s
        from pg_proc as p
        cross join unnest(array[
            'enable_bitmapscan', 'enable_hashjoin', 'enable_mergejoin', 'enable_seqscan',
            'enable_sort']) as s
        where p.pronamespace = 'procrastinate'::regnamespace
          and p.proname like 'procrastinate_fetch_job%'
          and s || '=off' <> all (coalesce(p.proconfig, '{}'))
    loop
        execute format('alter function %s set %I = off', v_function, v_setting);
    end loop;

    -- NOTIFY takes a lock on the whole database until the end of the commit: bookings would commit
    -- one after another. Workers poll instead: docs/decisions/0022. A history of when each job was
    -- enqueued, and for when, would cost each booking a row; scheduled_at has both.
    for v_trigger in
        select t.tgname from pg_trigger as t
        where t.tgrelid = 'procrastinate.procrastinate_jobs'::regclass
          and t.tgname in (
              'procrastinate_jobs_notify_queue_job_inserted_v1',
              'procrastinate_trigger_status_events_insert_v1',
              'procrastinate_trigger_scheduled_events_v1')
          and t.tgenabled <> 'D'
    loop
        execute format(
            'alter table procrastinate.procrastinate_jobs disable trigger %I', v_trigger);
    end loop;

    -- The library's own index of locks begins with the id.
    create index if not exists procrastinate_jobs_by_lock
    on procrastinate.procrastinate_jobs (lock, id)
    where lock is not null and status in ('todo', 'doing');

    -- A worker that asks for a job reads all jobs of the library's table that wait for a later
    -- time. These wait here until a minute before it.
    create table if not exists procrastinate.later_jobs (
        id bigint primary key,
        task_name text not null,
        args jsonb not null,
        lock text,
        scheduled_at timestamptz not null
    );
    create index if not exists later_jobs_by_time
    on procrastinate.later_jobs (scheduled_at);

    execute format(
        'comment on schema procrastinate is %L', format(
            'The queue: tables and functions of the library procrastinate, which makes them'
            ' itself. '
            'Last migration: %s.', p_migration));
end;
$$;

comment on function app.adapt_queue(text) is
'Adapts what the library procrastinate has made: pins the search_path of its functions, has the one
that fetches a job planned with indexes only, disables its notification and its history of new jobs,
adds an index of locks and the table of jobs that wait for a later time, and remembers p_migration,
the name of its last migration, without the ending. scripts/deploy.sh calls it after each
deployment; a repetition changes nothing.';

create function work.queue_migration()
returns text
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    perform app.forget_actor();
    return app.queue_migration();
end;
$$;

comment on function work.queue_migration() is
'app.queue_migration. A worker whose library has another one refuses to start.';

grant execute on function work.queue_migration to telemed_worker;

commit;
