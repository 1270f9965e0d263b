-- Deploy telemed:jobs/list_dead_jobs to pg

begin;

create type api.dead_jobs as (
    id bigint, task text, arguments jsonb, attempts integer, died_at timestamptz
);

comment on type api.dead_jobs is
'A job that was given up: see ops.dead_jobs.';

create function api.list_dead_jobs(
    p_task text default null,
    p_order text default '-id',
    p_limit integer default 50,
    p_cursor text default null
)
returns setof api.dead_jobs
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_is_ascending boolean;
    v_list text;
    v_after bigint;
    v_page bigint[];
begin
    perform app.require_role('admin');
    v_is_ascending := app.is_ascending(p_order, '-id');
    v_list := 'list_dead_jobs' || case when v_is_ascending then ' id' else '' end;
    v_after := (app.cursor_position(v_list, p_cursor) ->> 0)::bigint;
    perform app.check_limit(p_limit);
    v_page := array(
        select j.id
        from procrastinate.procrastinate_jobs as j
        where j.status in ('failed', 'aborted')
          and (p_task is null or j.task_name = p_task)
          and (v_after is null
               or case when v_is_ascending then j.id > v_after else j.id < v_after end)
        order by case when v_is_ascending then j.id end, j.id desc
        limit p_limit + 1);
    perform app.set_next_cursor(
        v_list,
        case when cardinality(v_page) > p_limit then jsonb_build_array(v_page[p_limit]) end);

    return query
    select
        j.id, j.task_name::text, j.args, j.attempts, (
            select max(e.at) from procrastinate.procrastinate_events as e where e.job_id = j.id)
    from procrastinate.procrastinate_jobs as j
    where j.id = any (v_page[:p_limit])
    order by case when v_is_ascending then j.id end, j.id desc;
end;
$$;

comment on function api.list_dead_jobs(text, text, integer, text) is
'Returns the jobs that were given up after their last attempt, the latest first; p_task: only those
of one task. Their arguments are ids and no personal data. p_order: -id, or id for the oldest first.
p_limit: 1 to 1000 rows; p_cursor: app.next_cursor of the page before. For admins. Raises TM101,
TM102, TM201, TM301, TM302.';

grant execute on function api.list_dead_jobs to telemed_api, telemed_dba;

commit;
