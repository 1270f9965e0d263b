begin;
\ir ../helpers/actors.psql
select plan(4);

reset role;
delete from procrastinate.procrastinate_workers;
set local role telemed_api;
select pg_temp.sign_in('nobody');
select is(api.worker_heartbeat(), null, 'worker_heartbeat: without a worker there is none');
reset role;
insert into procrastinate.procrastinate_workers (last_heartbeat)
values ('2027-01-04 08:00+00'), ('2027-01-04 07:00+00');
set local role telemed_api;
select is(api.worker_heartbeat(), '2027-01-04 08:00+00',
    'worker_heartbeat: it is the heartbeat of the worker that was seen last');
select set_config('app.proof', '', true) \g /dev/null
select throws_ok('select api.worker_heartbeat()', 'TM101', null,
    'worker_heartbeat: a context without a signature is refused');
set local role telemed_auditor;
select throws_ok('select api.worker_heartbeat()', '42501', null,
    'worker_heartbeat: an auditor cannot call it');

select * from finish();
rollback;
