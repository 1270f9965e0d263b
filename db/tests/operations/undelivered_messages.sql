begin;
\ir ../helpers/actors.psql
\ir ../helpers/messages.psql
select plan(14);
reset role;

select pg_temp.dispatch();
select pg_temp.message('patient', 'email_verification') as message \gset
select pg_temp.message('other_patient', 'email_verification') as other \gset

select is_empty('select * from ops.undelivered_messages()',
    'undelivered_messages: a message that is due now is not late');
select is_empty(
    $$ select id from app.access_logs where operation = 'undelivered_messages' $$,
    'undelivered_messages: a call that finds nothing is not in the access log');
select work.fail_message(:'message', pg_temp.claim(:'message'), '550 no such user', true) \g /dev/null
select work.fail_message(:'other', pg_temp.claim(:'other'), '451 later', false) \g /dev/null
select set_eq(
    'select user_id, status, attempt, reason, error from ops.undelivered_messages()',
    format($$ values (%L::uuid, 'failed', 1, 'refused', '550 no such user'),
                     (%L, 'pending', 1, null, '451 later') $$,
        pg_temp.id_of('patient'), pg_temp.id_of('other_patient')),
    'undelivered_messages: it lists what has failed, and what is tried again');
select is(
    (select array_agg(u.id) from ops.undelivered_messages() as u),
    (select array_agg(u.id order by u.created_at desc, u.id desc) from ops.undelivered_messages() as u),
    'undelivered_messages: the newest comes first');
select is(count(*), 1::bigint, 'undelivered_messages: what is tried again has no age')
from ops.undelivered_messages('0');
select set_has(
    $$ select unnest(resource_ids) from app.access_logs
       where kind = 'read' and operation = 'undelivered_messages' $$,
    format('values (%L::uuid), (%L)',
        pg_temp.id_of('patient'), pg_temp.id_of('other_patient')),
    'undelivered_messages: the access log has the read');
select pg_temp.set_clock('2027-01-04 08:01:00+00');
select work.settle_message(:'other', pg_temp.claim(:'other')) \g /dev/null
select set_eq(
    'select user_id from ops.undelivered_messages()',
    format('values (%L::uuid)', pg_temp.id_of('patient')),
    'undelivered_messages: a message that was sent at last is not listed');
select isnt_empty(
    format(
        $$ select id from app.access_logs
           where operation = 'undelivered_messages' and resource_ids = array[%L]::uuid[] $$,
        pg_temp.id_of('patient')),
    'undelivered_messages: the access log has the read of a single message');
select pg_temp.set_clock('2027-01-04 08:06:00+00');
select set_has(
    'select user_id, status from ops.undelivered_messages()',
    format($$ values (%L::uuid, 'failed') $$, pg_temp.id_of('patient')),
    'undelivered_messages: a failed message stays listed');

select * from api.request_password_reset('other_patient@clinic.test') \g /dev/null
select pg_temp.dispatch();
select pg_temp.set_clock('2027-01-04 08:11:00+00');
select is(count(*), 0::bigint, 'undelivered_messages: a message is not late for five minutes')
from ops.undelivered_messages() as u where u.kind = 'password_reset';
select pg_temp.set_clock('2027-01-04 08:11:01+00');
select results_eq(
    $$ select u.user_id, u.status, u.attempt from ops.undelivered_messages() as u
       where u.kind = 'password_reset' $$,
    format($$ values (%L::uuid, 'pending', 0) $$, pg_temp.id_of('other_patient')),
    'undelivered_messages: after that a message that nobody has tried to send is listed');

select results_eq(
    'select u.user_id from ops.undelivered_messages() as u',
    format('values (%L::uuid), (%L)', pg_temp.id_of('other_patient'), pg_temp.id_of('patient')),
    'undelivered_messages: a message that was made later comes first');

select pg_temp.set_clock('2027-01-12 08:06:00+00');
select is(count(*), 0::bigint, 'undelivered_messages: after a week a failed message is not listed')
from ops.undelivered_messages() as u where u.status = 'failed';

select is(pg_temp.refusal('nobody', $$ select ops.undelivered_messages('11 years') $$),
    'TM201 since', 'undelivered_messages: a time of more than ten years is refused');

select * from finish();
rollback;
