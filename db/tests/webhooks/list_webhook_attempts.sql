begin;
\ir ../helpers/actors.psql
\ir ../helpers/webhooks.psql
select plan(16);

select pg_temp.webhook() as webhook \gset
select pg_temp.webhook() as other \gset
select pg_temp.event('account.created') as event \gset
select pg_temp.dispatched(:'event') \g /dev/null
select pg_temp.delivery(:'webhook', :'event') as delivery \gset
select pg_temp.sign_in('admin');
select is_empty(format('select id from api.list_webhook_attempts(%L)', :'webhook'),
    'list_webhook_attempts: a new delivery has no attempt');
select pg_temp.settled(:'delivery', pg_temp.claimed(:'delivery'), 500) \g /dev/null
select pg_temp.at_time('2027-01-04 08:00:05+00');
select pg_temp.settled(:'delivery', pg_temp.claimed(:'delivery'), null) \g /dev/null
select pg_temp.at_time('2027-01-04 08:05:05+00');
select pg_temp.settled(:'delivery', pg_temp.claimed(:'delivery'), 200) \g /dev/null
select pg_temp.delivery(:'other', :'event') as of_other \gset
select pg_temp.settled(:'of_other', pg_temp.claimed(:'of_other'), 200) \g /dev/null
select pg_temp.sign_in('admin');
select collect_tap(
    is(array_agg(a.attempt order by a.n), '{3,2,1}', 'list_webhook_attempts: the latest first'),
    is(array_agg(a.status_code order by a.n), '{200,NULL,500}',
        'list_webhook_attempts: an attempt has the status of its answer'),
    is(array_agg(a.error order by a.n), '{NULL,The connection was refused,NULL}',
        'list_webhook_attempts: an attempt without an answer has an error'),
    is(array_agg(a.answer order by a.n), '{Thanks,NULL,Thanks}',
        'list_webhook_attempts: an attempt has the beginning of the answer'),
    is(array_agg(distinct (a.delivery_status, a.event_id, a.duration_ms)::text),
        array[('delivered'::text, :'event'::bigint, 12)::text],
        'list_webhook_attempts: an attempt has its delivery, its event and its time'))
from (select l.*, l.ordinality as n
      from api.list_webhook_attempts(:'webhook') with ordinality as l) as a;
select count(*) from api.list_webhook_attempts(:'webhook', p_limit => 3) \g /dev/null
select is(current_setting('app.next_cursor'), '',
    'list_webhook_attempts: a page that has all of them has no cursor');
select is(
    pg_temp.all_pages(format('api.list_webhook_attempts(%L, p_limit => 2, p_cursor => %%L)', :'webhook')),
    (select array_agg(id::text) from api.list_webhook_attempts(:'webhook')),
    'list_webhook_attempts: pages show each attempt once');
select is(
    pg_temp.all_pages(format(
        $$ api.list_webhook_attempts(%L, 'attempted_at', 2, p_cursor => %%L) $$, :'webhook')),
    (select array_agg(a.id::text order by a.attempt) from api.list_webhook_attempts(:'webhook') as a),
    'list_webhook_attempts: the oldest first in the other order');
select is(
    pg_temp.refusal(v.actor, format('select api.list_webhook_attempts(%L, %s)', v.id, v.arguments)),
    v.refusal, 'list_webhook_attempts: ' || v.sentence)
from (values
    ('patient', :'webhook', 'null', 'TM301', 'a patient is refused'),
    ('doctor', :'webhook', 'null', 'TM301', 'a doctor is refused'),
    ('nobody', :'webhook', 'null', 'TM101', 'a caller without a context is refused'),
    ('admin', gen_random_uuid()::text, 'null', 'TM415', 'an unknown webhook is refused'),
    ('admin', :'webhook', $$ 'attempt' $$, 'TM201 order', 'another order is refused'),
    ('admin', :'webhook', 'null, 1001', 'TM201 limit', 'a long page is refused'),
    ('admin', :'webhook', format('p_cursor => %L', pg_temp.cursor_after('admin', format(
         $$ api.list_webhook_attempts(%L, 'attempted_at', 2) $$, :'webhook'))),
     'TM201 cursor', 'a cursor of the list in the other order is refused'))
    as v (actor, id, arguments, refusal, sentence);

select * from finish();
rollback;
