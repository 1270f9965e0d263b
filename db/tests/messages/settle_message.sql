begin;
\ir ../helpers/actors.psql
\ir ../helpers/messages.psql
select plan(4);
reset role;

select pg_temp.dispatch();
select pg_temp.message('patient', 'email_verification') as message \gset
select is(work.settle_message(:'message', 0), false,
    'settle_message: a message that no worker has is not settled');
select pg_temp.claim(:'message') as attempt \gset
select work.fail_message(:'message', :attempt, '451 try later', false) \g /dev/null
select pg_temp.set_clock('2027-01-04 08:01:00+00');
select pg_temp.claim(:'message') as attempt \gset
select is(work.settle_message(:'message', :attempt), true,
    'settle_message: the worker that has the message settles it');
select results_eq(
    format($$ select status, attempt, settled_at::timestamptz, error::text from app.messages
              where id = %L $$, :'message'),
    $$ values ('sent', 2, '2027-01-04 08:01:00+00'::timestamptz, null) $$,
    'settle_message: the message was sent, and the error of an earlier attempt is gone');
select is(work.settle_message(gen_random_uuid(), 1), false,
    'settle_message: an unknown message is not settled');

select * from finish();
rollback;
