begin;
select plan(12);

create temp view job as
select j.task_name::text, j.args, j.lock, j.scheduled_at, j.status::text, j.queue_name::text, j.id
from procrastinate.procrastinate_jobs as j;

set local role telemed_owner;
select app.enqueue_job('dispatch_event', '{"event_id": 7}') as id \gset
reset role;
select results_eq(
    format(
        'select task_name, args, lock, scheduled_at, status, queue_name from job where id = %s',
        :id),
    $$ values ('dispatch_event', '{"event_id": 7}'::jsonb, null::text, now(), 'todo',
        'default') $$,
    'enqueue_job: a job waits in the queue with its task, its arguments and its time');

set local role telemed_internal;
select app.enqueue_job('send', '{}', p_lock => 'consultation-1', p_at => now() + interval '50 seconds')
    as soon \gset
select app.enqueue_job(
    'send', '{"n": 1}', p_lock => 'consultation-1', p_at => now() + interval '1 day') as later \gset
reset role;
select results_eq(
    format('select lock, scheduled_at from job where id = %s', :soon),
    $$ values ('consultation-1', now() + interval '50 seconds') $$,
    'enqueue_job: a job has the lock and the time that are given');
select is_empty(
    format('select * from job where id = %s', :later),
    'enqueue_job: a job of a later time is not in the queue yet');
savepoint before;
select app.enqueue_job('send', '{}', p_at => now() + interval '1 minute') as in_a_minute \gset
select isnt_empty(
    format('select * from job where id = %s', :in_a_minute),
    'enqueue_job: a job of the next minute is in the queue at once');
select app.enqueue_job('send', '{}', p_at => now() + interval '61 seconds') as in_a_while \gset
select is_empty(
    format('select * from job where id = %s', :in_a_while),
    'enqueue_job: a job after the next minute is not');
rollback to before;
select is(
    (select f.later from ops.queue_figures() as f where f.task = 'send'), 2::bigint,
    'queue_figures: it counts both as later');
set local role telemed_worker;
select is(work.enqueue_due_jobs(), 0::bigint,
    'enqueue_due_jobs: a job of tomorrow stays where it is');
reset role;
update procrastinate.later_jobs set scheduled_at = now() + interval '1 minute';
set local role telemed_worker;
select is(work.enqueue_due_jobs(), 1::bigint,
    'enqueue_due_jobs: a job of the next minute goes to the queue');
select is(work.enqueue_due_jobs(), 0::bigint, 'enqueue_due_jobs: it goes there once');
reset role;
select results_eq(
    format('select task_name, lock, args, scheduled_at from job where id = %s', :later),
    $$ values ('send', 'consultation-1', '{"n": 1}'::jsonb, now() + interval '1 minute') $$,
    'enqueue_due_jobs: the job keeps its id, its lock, its arguments and its time');

savepoint before;
select app.enqueue_job('send', '{}') as undone \gset
rollback to before;
select is_empty(
    format('select * from job where id = %s', :undone),
    'enqueue_job: a job disappears with its transaction');
select throws_ok(
    $$ select app.enqueue_job(null, '{}') $$, '23502', null, 'enqueue_job: a task is required');

select * from finish();
rollback;
