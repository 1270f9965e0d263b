begin;
\ir ../helpers/actors.psql
\ir ../helpers/messages.psql
select plan(10);
reset role;

select pg_temp.dispatch();
-- Two messages are left: those that verify the addresses of the two patients.
update app.messages set status = 'sending', attempt = 1, lease_ends_at = app.clock()
where id not in (
    pg_temp.message('patient', 'email_verification'),
    pg_temp.message('other_patient', 'email_verification'));
update app.messages set status = 'sent', lease_ends_at = null, settled_at = app.clock()
where status = 'sending';
select pg_temp.message('patient', 'email_verification') as message \gset
select pg_temp.message('other_patient', 'email_verification') as other \gset

select is(work.requeue_messages(), 0, 'requeue_messages: a message that has just been made waits');
select pg_temp.claim(:'message') as attempt \gset
select is(work.requeue_messages(), 0, 'requeue_messages: a worker keeps its message during the lease');
select pg_temp.set_clock('2027-01-04 08:02:00+00');
select is(work.requeue_messages(), 1, 'requeue_messages: a message whose lease is over is enqueued');
select results_eq(
    format($$ select status, attempt from app.messages where id = %L $$, :'message'),
    $$ values ('pending', 1) $$, 'requeue_messages: the message waits for another attempt');
select is(pg_temp.claim(:'message'), 2, 'claim_message: the other attempt has the next number');
select work.settle_message(:'message', 2) \g /dev/null
select pg_temp.set_clock('2027-01-04 08:10:00+00');
select is(work.requeue_messages(), 1,
    'requeue_messages: a message that is ten minutes overdue is enqueued');
select is(work.requeue_messages(), 0, 'requeue_messages: it is enqueued once in ten minutes');
select is(count(*), 2::bigint, 'requeue_messages: the message has another job')
from job as j where (j.args ->> 'message_id')::uuid = :'other';

-- A message that each worker dies of
do $$
declare
    v_id uuid := pg_temp.message('other_patient', 'email_verification');
begin
    for v_attempt in 1 .. 30 loop
        update app.messages
        set status = 'sending', attempt = v_attempt, lease_ends_at = app.clock() where id = v_id;
        perform set_config('test.requeued', work.requeue_messages()::text, true);
    end loop;
end;
$$;
select results_eq(
    format($$ select status, reason::text from app.messages where id = %L $$, :'other'),
    $$ values ('failed', 'given_up') $$,
    'requeue_messages: a message is given up when 30 workers were lost with it');
select is(current_setting('test.requeued'), '0',
    'requeue_messages: a message that is given up is not enqueued');

select * from finish();
rollback;
