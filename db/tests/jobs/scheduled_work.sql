begin;
\ir ../helpers/actors.psql
select plan(14);

set local role telemed_worker;
select is(work.seal_audit('1 minute') >= 0, true, 'seal_audit: the worker seals the audit log');
select is(work.seal_audit('1 minute'), 0::bigint, 'seal_audit: a repetition has nothing to seal');
select throws_ok('select * from work.purge(29)', 'TM201', null,
    'purge: nothing is deleted before 30 days have passed');
reset role;
select results_eq(
    $$ select (s ->> 'id')::bigint, s ->> 'hash', (s ->> 'sealed_at')::bigint
       from work.audit_seals(0) as s $$,
    $$ select s.id, s.hash, (extract(epoch from s.sealed_at) * 1000000)::bigint
       from ops.audit_seals as s order by s.id limit 10000 $$,
    'audit_seals: the worker reads all seals');
set local role telemed_worker;
select is_empty(
    $$ select * from work.audit_seals(9223372036854775807) $$,
    'audit_seals: after the last seal there is none');
select is_empty(
    $$ select s from work.audit_seals((select min((f ->> 'id')::bigint) from work.audit_seals(0) as f))
           as s
       where (s ->> 'id')::bigint = (select min((f ->> 'id')::bigint) from work.audit_seals(0) as f) $$,
    'audit_seals: the seal with the given id is left out');
select isnt_empty('select * from work.purge(90)', 'purge: it returns the number of each table');
select lives_ok('select work.create_partitions()', 'create_partitions: the worker can call it');
select is(work.fold_activity() >= 0, true, 'fold_activity: it returns how many it has folded');
select is_empty(
    $$ select i.name from work.check_invariants(now() - interval '1 hour') as i
       where i.violations > 0 $$,
    'check_invariants: no row of the last hour breaks an invariant');
select isnt_empty(
    'select * from work.check_invariants(null)', 'check_invariants: it returns every invariant');
reset role;

delete from procrastinate.procrastinate_jobs;
with job as (
    insert into procrastinate.procrastinate_jobs (queue_name, task_name, status, queueing_lock)
    values ('default', 'kept', 'failed', null), ('default', 'old', 'failed', null),
        ('default', 'seal', 'failed', 'seal'), ('default', 'gone', 'cancelled', null),
        ('default', 'waits', 'todo', null)
    returning id, task_name
)
insert into procrastinate.procrastinate_events (job_id, type, at)
select j.id, 'failed', now() - case j.task_name
    when 'old' then interval '91 days' when 'kept' then interval '89 days'
    else interval '25 hours' end
from job as j;
insert into procrastinate.procrastinate_events (job_id, type, at)
select j.id, 'started', now() - interval '91 days'
from procrastinate.procrastinate_jobs as j where j.task_name = 'kept';
insert into procrastinate.procrastinate_jobs (queue_name, task_name, status)
values ('default', 'without a history', 'cancelled');
delete from procrastinate.procrastinate_events where job_id = (
    select id from procrastinate.procrastinate_jobs where task_name = 'without a history');
set local role telemed_worker;
select is(work.delete_ended_jobs(), 4::bigint, 'delete_ended_jobs: it returns how many');
select is(work.delete_ended_jobs(), 0::bigint, 'delete_ended_jobs: a repetition finds nothing');
reset role;
select is(
    (select array_agg(j.task_name::text order by j.task_name)
     from procrastinate.procrastinate_jobs as j),
    '{kept,waits}',
    'delete_ended_jobs: dead jobs of less than 90 days and waiting ones stay');

select * from finish();
rollback;
