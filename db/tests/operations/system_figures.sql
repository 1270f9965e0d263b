begin;
\ir ../helpers/actors.psql
select plan(9);

reset role;
delete from procrastinate.procrastinate_jobs;
delete from procrastinate.later_jobs;
delete from procrastinate.procrastinate_workers;
insert into procrastinate.procrastinate_workers (last_heartbeat) values ('2027-01-04 07:00:00+00');
insert into procrastinate.procrastinate_jobs (queue_name, task_name, status, scheduled_at)
values
    ('default', 'send', 'todo', now() - interval '5 minutes'), ('default', 'send', 'failed', null),
    ('default', 'call', 'doing', null);
set local role telemed_api;

select pg_temp.sign_in('admin');
select collect_tap(
    is(s.database_version, current_setting('server_version'),
        'system_figures: it has the version of the database'),
    is(s.database_started_at, pg_postmaster_start_time(),
        'system_figures: it has the time since which the database runs'),
    is(s.worker_heartbeat_at, '2027-01-04 07:00:00+00',
        'system_figures: it has the last heartbeat of a worker'))
from api.system_figures() as s;
select results_eq(
    $$ select q.task, q.due, q.later, q.running, q.dead, q.lag_seconds
       from api.system_figures() as s cross join lateral unnest(s.queue) as q $$,
    $$ values
        ('call', 0::bigint, 0::bigint, 1::bigint, 0::bigint, null::double precision),
        ('send', 1, 0, 0, 1, 300) $$,
    'system_figures: it has the jobs of each task');
select results_eq(
    $$ select f.value > 0 from api.system_figures() as s cross join lateral unnest(s.figures) as f
       where f.figure = 'database_size_bytes' and f.subject = '' $$,
    array[true], 'system_figures: it has the figures of the database');
reset role;
delete from procrastinate.procrastinate_workers;
delete from procrastinate.procrastinate_jobs;
set local role telemed_api;
select is((s.worker_heartbeat_at, s.queue)::text, '(,{})',
    'system_figures: without a worker and without jobs there is nothing to say of them')
from api.system_figures() as s;
select is(pg_temp.refusal(v.actor, 'select api.system_figures()'), v.refusal,
    'system_figures: ' || v.sentence)
from (values
    ('patient', 'TM301', 'a patient is refused'),
    ('doctor', 'TM301', 'a doctor is refused'),
    ('nobody', 'TM101', 'a caller without a context is refused'))
    as v (actor, refusal, sentence);

select * from finish();
rollback;
