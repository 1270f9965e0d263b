begin;
\ir ../helpers/actors.psql
select plan(4);

select pg_temp.booking('patient', pg_temp.open_slot('doctor', '2027-01-05 09:00:00+00'))
    as booking \gset
reset role;
select e.id as event from app.events as e
where e.consultation_id = :'booking' and e.type = 'consultation.booked' \gset

select is(
    (select count(*) from procrastinate.procrastinate_jobs as j
     where j.task_name = 'dispatch_event' and j.args = jsonb_build_object('event_id', :event)),
    1::bigint, 'dispatch_event: a booking enqueues one job for its event');
set local role telemed_worker;
select lives_ok(
    format('select work.dispatch_event(%s)', :event), 'dispatch_event: the worker dispatches it');
select lives_ok(
    format('select work.dispatch_event(%s)', :event), 'dispatch_event: it can be repeated');
select lives_ok(
    'select work.dispatch_event(-1)', 'dispatch_event: an event that is not kept has no effect');

select * from finish();
rollback;
