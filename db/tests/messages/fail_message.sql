begin;
\ir ../helpers/actors.psql
\ir ../helpers/messages.psql
select plan(15);
reset role;

select pg_temp.dispatch();
select pg_temp.message('patient', 'email_verification') as message \gset
select pg_temp.message('other_patient', 'email_verification') as other \gset

create function pg_temp.newest_job(p_message_id uuid)
returns timestamptz language sql
as $$
    select j.scheduled_at from job as j
    where (j.args ->> 'message_id')::uuid = p_message_id order by j.id desc limit 1
$$;

select is(work.fail_message(:'message', 1, 'x', false), null,
    'fail_message: a message that no worker has does not fail');
select pg_temp.claim(:'message') as attempt \gset
select is(work.fail_message(:'message', :attempt + 1, 'x', false), null,
    'fail_message: another attempt does not fail the message');
select is(work.fail_message(:'message', :attempt, E'451 try\r\nlater\u0007 é', false), 'pending',
    'fail_message: a message that was refused for now is tried again');
select results_eq(
    format($$ select error::text, reason::text, send_at::timestamptz from app.messages
              where id = %L $$, :'message'),
    $$ values ('451 try later', null, '2027-01-04 08:00:30+00'::timestamptz) $$,
    'fail_message: the error is kept without hidden characters, and half a minute goes by');
select is(pg_temp.newest_job(:'message'), '2027-01-04 08:00:30+00',
    'fail_message: the next attempt has its job');
select is(pg_temp.claim(:'message'), null, 'claim_message: nobody gets the message before that');
select pg_temp.set_clock('2027-01-04 08:00:30+00');
select pg_temp.claim(:'message') as attempt \gset
select work.fail_message(:'message', :attempt, '', false) \g /dev/null
select results_eq(
    format($$ select error::text, send_at::timestamptz from app.messages where id = %L $$,
        :'message'),
    $$ values ('unknown', '2027-01-04 08:01:30+00'::timestamptz) $$,
    'fail_message: the wait doubles');

-- Many attempts
do $$
declare
    v_id uuid := pg_temp.message('patient', 'email_verification');
    v_at timestamptz := '2027-01-04 08:02:00+00';
begin
    -- The token does not expire: only the attempts count here.
    update app.email_verifications set expires_at = '2028-01-01';
    for v_attempt in 3 .. 29 loop
        v_at := v_at + interval '1 hour';
        perform pg_temp.set_clock(v_at);
        perform work.fail_message(v_id, pg_temp.claim(v_id), repeat('4', 300), false);
    end loop;
    perform pg_temp.set_clock(v_at + interval '1 hour');
end;
$$;
select is(m.send_at - app.clock(), interval '0', 'fail_message: the wait is an hour at most')
from app.messages as m where m.id = :'message';
select is(char_length(m.error), 200, 'fail_message: the first 200 characters of an error are kept')
from app.messages as m where m.id = :'message';
select pg_temp.claim(:'message') as attempt \gset
select is(work.fail_message(:'message', :attempt, '451', false), 'failed',
    'fail_message: the 30th attempt is the last one');
select is(m.reason::text, 'given_up', 'fail_message: the reason says that it was given up')
from app.messages as m where m.id = :'message';

select is(work.fail_message(:'message', :attempt, '451', false), null,
    'fail_message: a message that has failed does not fail again');

-- For good
select count(*) as jobs from job \gset
select pg_temp.claim(:'other') as attempt \gset
select is(work.fail_message(:'other', :attempt, '550 no such user', true), 'failed',
    'fail_message: a message that was refused for good has failed at once');
select results_eq(
    format(
        $$ select reason::text, error::text, send_at = app.clock() from app.messages
           where id = %L $$, :'other'),
    $$ values ('refused', '550 no such user', true) $$,
    'fail_message: the message has the reason, the error, and no later attempt');
select is(count(*), :'jobs'::bigint, 'fail_message: no other attempt follows')
from job;

select * from finish();
rollback;
