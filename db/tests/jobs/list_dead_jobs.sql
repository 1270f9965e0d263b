begin;
\ir ../helpers/actors.psql
select plan(13);

reset role;
delete from procrastinate.procrastinate_jobs;
create temp table job as
with made as (
    insert into procrastinate.procrastinate_jobs (queue_name, task_name, status, attempts, args)
    select 'default', v.task, v.status::procrastinate.procrastinate_job_status, 12,
        jsonb_build_object('n', v.n)
    from (values
        (1, 'send', 'failed'), (2, 'send', 'aborted'), (3, 'call', 'failed'), (4, 'call', 'todo'),
        (5, 'call', 'succeeded'), (6, 'call', 'failed')) as v (n, task, status)
    order by v.n
    returning id, args)
select id, (args ->> 'n')::integer as n from made;
insert into procrastinate.procrastinate_events (job_id, type, at)
select j.id, v.type::procrastinate.procrastinate_job_event_type, v.at
from (values ('started', timestamptz '2027-01-04 07:00+00'), ('failed', '2027-01-04 08:00+00'))
    as v (type, at)
cross join job as j where j.n = 1;
select id as first from job where n = 1 \gset
grant select on job to telemed_api;
set local role telemed_api;

select pg_temp.sign_in('admin');
select results_eq(
    $$ select j.n from api.list_dead_jobs() with ordinality as d
       inner join job as j using (id) order by d.ordinality $$,
    array[6, 3, 2, 1],
    'list_dead_jobs: an admin gets the failed and the aborted jobs, the latest first');
select results_eq(
    format('select task, arguments, attempts, died_at from api.list_dead_jobs() where id = %s', :first),
    $$ values ('send', '{"n": 1}'::jsonb, 12, '2027-01-04 08:00+00'::timestamptz) $$,
    'list_dead_jobs: a job has its task, its arguments, its attempts and the time of the last event');
select results_eq(
    $$ select j.n from api.list_dead_jobs('send') with ordinality as d
       inner join job as j using (id) order by d.ordinality $$,
    array[2, 1], 'list_dead_jobs: p_task selects the jobs of one task');
select is_empty($$ select id from api.list_dead_jobs('sing') $$,
    'list_dead_jobs: a task without dead jobs has none');
select is(
    pg_temp.all_pages('api.list_dead_jobs(p_limit => 1, p_cursor => %L)'),
    (select array_agg(d.id::text order by d.id desc) from api.list_dead_jobs() as d),
    'list_dead_jobs: pages show each job once');
select is(
    pg_temp.all_pages($$ api.list_dead_jobs(null, 'id', 3, %L) $$),
    (select array_agg(d.id::text order by d.id) from api.list_dead_jobs() as d),
    'list_dead_jobs: the oldest first in the other order');
select is(pg_temp.cursor_after('admin', 'api.list_dead_jobs(p_limit => 4)'), null,
    'list_dead_jobs: a page that has all of them has no cursor');
select is(
    pg_temp.refusal(v.actor, 'select api.list_dead_jobs(' || v.arguments || ')'), v.refusal,
    'list_dead_jobs: ' || v.sentence)
from (values
    ('patient', '', 'TM301', 'a patient is refused'),
    ('doctor', '', 'TM301', 'a doctor is refused'),
    ('nobody', '', 'TM101', 'a caller without a context is refused'),
    ('admin', $$ p_order => 'task' $$, 'TM201 order', 'another order is refused'),
    ('admin', 'p_limit => 0', 'TM201 limit', 'an empty page is refused'),
    ('admin', format('p_cursor => %L', pg_temp.cursor_after(
         'admin', $$ api.list_dead_jobs(p_order => 'id', p_limit => 2) $$)),
     'TM201 cursor', 'a cursor of the list in the other order is refused'))
    as v (actor, arguments, refusal, sentence);

select * from finish();
rollback;
