begin;
\ir ../helpers/actors.psql
\ir ../helpers/webhooks.psql
select plan(10);

select pg_temp.webhook() as webhook \gset
reset role;
select throws_ok(
    format('insert into app.webhook_redeliveries
        (endpoint_id, event_id, starts_at, ends_at, deliveries)
        values (%L, %s, %s, %s, %s)', :'webhook', v.event, v.from_, v.to_, v.deliveries),
    '23514', null, 'webhook_redeliveries: ' || v.sentence)
from (values
    ('null', 'null', 'null', '0', 'something is asked for'),
    ('1', 'now()', $$ now() + interval '1 day' $$, '0', 'an event and a range exclude each other'),
    ('null', 'now()', 'null', '0', 'a range has an end'),
    ('null', 'now()', 'now()', '0', 'a range is not empty'),
    ('1', 'null', 'null', '-1', 'deliveries are counted'))
    as v (event, from_, to_, deliveries, sentence);
select throws_ok(
    'insert into app.webhook_redeliveries (endpoint_id, event_id, deliveries)
     values (app.uuid_v7(), 1, 1)',
    '23503', null, 'webhook_redeliveries: a request belongs to a webhook');
insert into app.webhook_redeliveries (endpoint_id, event_id, deliveries) values (:'webhook', 1, 1);
select throws_ok('update app.webhook_redeliveries set deliveries = 2', 'TM912', null,
    'webhook_redeliveries: a request stays as it was made');
select throws_ok('truncate app.webhook_redeliveries', 'TM912', null,
    'webhook_redeliveries: the table is never truncated');
select is(count(*), 1::bigint, 'webhook_redeliveries: the audit log has each request')
from app.audit_logs where table_name = 'webhook_redeliveries';
set local role telemed_internal;
select is(count(*), 1::bigint, 'webhook_redeliveries: internal functions see each request')
from app.webhook_redeliveries;

select * from finish();
rollback;
