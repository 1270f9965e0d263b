begin;
\ir ../helpers/actors.psql
\ir ../helpers/messages.psql
select plan(5);
reset role;

select pg_temp.dispatch();
select pg_temp.message('patient', 'email_verification') as message \gset
select is(pg_temp.refusal('nobody', format('select ops.repeat_message(%L)', :'message')), 'TM440',
    'repeat_message: a message that has not failed is not tried again');
select work.fail_message(:'message', pg_temp.claim(:'message'), '550', true) \g /dev/null
select is(pg_temp.refusal('nobody', format('select ops.repeat_message(%L)', :'message')), null,
    'repeat_message: a message that has failed is tried again');
select is(count(*), 2::bigint, 'repeat_message: the message has another job')
from job as j where (j.args ->> 'message_id')::uuid = :'message';
select is(pg_temp.claim(:'message'), 2, 'repeat_message: the next worker gets the message');
select is(pg_temp.refusal('nobody', 'select ops.repeat_message(gen_random_uuid())'), 'TM440',
    'repeat_message: an unknown message is refused');

select * from finish();
rollback;
