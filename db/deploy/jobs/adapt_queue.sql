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

    -- A worker keeps its connections, and the plan that it has made for an empty queue reads all
    -- jobs for each job: with 30,000 it took more than 25 s to fetch one.
    for v_function in
        select p.oid::regprocedure from pg_proc as p
        where p.pronamespace = 'procrastinate'::regnamespace
          and p.proname like 'procrastinate_fetch_job%'
          and 'plan_cache_mode=force_custom_plan' <> all (coalesce(p.proconfig, '{}'))
    loop
        execute format(
            'alter function %s set plan_cache_mode = force_custom_plan', v_function);
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
that fetches a job planned at each call, disables its notification and its history of new jobs, adds
the table of jobs that wait for a later time, and remembers p_migration, the name of its last
migration, without the ending. scripts/deploy.sh calls it after each deployment; a repetition
changes nothing.';

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
