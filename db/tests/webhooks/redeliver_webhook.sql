begin;
\ir ../helpers/actors.psql
\ir ../helpers/webhooks.psql
select plan(29);

select pg_temp.webhook('{account.created}') as webhook \gset
select pg_temp.event('account.created') as event \gset
select pg_temp.event('account.created') as second_event \gset
select pg_temp.event('account.closed') as unwanted \gset
select pg_temp.dispatched(:'event') \g /dev/null
select pg_temp.delivery(:'webhook', :'event') as delivery \gset
select pg_temp.settled(:'delivery', pg_temp.claimed(:'delivery'), 500) \g /dev/null
select pg_temp.at_time('2027-01-04 08:00:05+00');
select pg_temp.settled(:'delivery', pg_temp.claimed(:'delivery'), 200) \g /dev/null
select pg_temp.sign_in('admin');
select (select a.message_id from api.list_webhook_attempts(:'webhook') as a limit 1) as message \gset

-- One event
select is((r.webhook_id, r.event_id, r.deliveries), (:'webhook'::uuid, :'event'::bigint, 1),
    'redeliver_webhook: an admin sends one event again')
from api.redeliver_webhook(:'webhook', :'event') as r;
select is(pg_temp.status_of(:'delivery'), 'pending', 'redeliver_webhook: a delivered event is sent again');
reset role;
select is((c.attempt, c.message_id), (3, :'message'::text),
    'redeliver_webhook: it has the webhook-id of the first time')
from work.claim_delivery(:'delivery') as c;
select is(d.tries, 1, 'redeliver_webhook: the back-off begins again')
from app.webhook_deliveries as d where d.id = :'delivery';
set local role telemed_api;
select pg_temp.sign_in('admin');
select is(r.deliveries, 0, 'redeliver_webhook: what a worker is sending is left alone')
from api.redeliver_webhook(:'webhook', :'event') as r;
select is(pg_temp.status_of(:'delivery'), 'sending', 'redeliver_webhook: the worker keeps its delivery');
select pg_temp.settled(:'delivery', 3, 200) \g /dev/null
select pg_temp.sign_in('admin');
select is(r.deliveries, 1, 'redeliver_webhook: an event that the webhook does not want is sent on request')
from api.redeliver_webhook(:'webhook', :'unwanted') as r;

-- A range
reset role;
select min(e.occurred_at) as from_, max(e.occurred_at) + interval '1 second' as to_
from app.events as e where e.id in (:'event', :'second_event') \gset
select count(*) as wanted from app.events as e
where e.type = 'account.created' and e.occurred_at >= :'from_' and e.occurred_at < :'to_' \gset
select count(*) as before from app.events as e
where e.type = 'account.created' and e.occurred_at < :'from_' \gset
set local role telemed_api;
select pg_temp.sign_in('admin');
select is((r.starts_at, r.ends_at, r.deliveries), (:'from_'::timestamptz, :'to_'::timestamptz, :'wanted'::integer),
    'redeliver_webhook: an admin sends the events of a range again')
from api.redeliver_webhook(:'webhook', p_starts_at => :'from_', p_ends_at => :'to_') as r;
select is(pg_temp.status_of(pg_temp.delivery(:'webhook', :'second_event')), 'pending',
    'redeliver_webhook: an event that was missed is sent');
select is(r.deliveries, :'before'::integer, 'redeliver_webhook: the end of a range is not in it')
from api.redeliver_webhook(:'webhook', p_starts_at => '2020-01-01', p_ends_at => :'from_') as r;
reset role;
select is(count(*), 5::bigint, 'redeliver_webhook: the audit log has each request')
from app.audit_logs where table_name = 'webhook_redeliveries' and user_id = pg_temp.id_of('admin');

-- Of a webhook for every type
select pg_temp.webhook() as everything \gset
reset role;
select count(*) as all_types from app.events as e
where e.type !~ '^slot' and e.occurred_at >= :'from_' and e.occurred_at < :'to_' \gset
set local role telemed_api;
select pg_temp.sign_in('admin');
select is(r.deliveries, :'all_types'::integer,
    'redeliver_webhook: a webhook for every type gets all of a range but those of slots')
from api.redeliver_webhook(:'everything', p_starts_at => :'from_', p_ends_at => :'to_') as r;

-- Within a consultation
select pg_temp.open_slot('doctor', '2027-01-05 09:00:00+00') as slot \gset
set local role telemed_api;
select pg_temp.booking('patient', :'slot') as booking \gset
select api.cancel_consultation(:'booking') \g /dev/null
select pg_temp.sign_in('admin');
select api.redeliver_webhook(:'webhook', (pg_temp.events_of(:'booking'))[2]) \g /dev/null
select api.redeliver_webhook(:'webhook', (pg_temp.events_of(:'booking'))[1]) \g /dev/null
select is(
    pg_temp.claimed(pg_temp.delivery(:'webhook', (pg_temp.events_of(:'booking'))[2])), null,
    'redeliver_webhook: events of a consultation are sent in their order');

-- Refusals
select is(
    pg_temp.refusal(v.actor, format('select api.redeliver_webhook(%L, %s)', v.id, v.arguments)),
    v.refusal, 'redeliver_webhook: ' || v.sentence)
from (values
    ('patient', :'webhook', :'event', 'TM301', 'a patient is refused'),
    ('doctor', :'webhook', :'event', 'TM301', 'a doctor is refused'),
    ('nobody', :'webhook', :'event', 'TM101', 'a caller without a context is refused'),
    ('admin', gen_random_uuid()::text, :'event', 'TM415', 'an unknown webhook is refused'),
    ('admin', :'webhook', '0', 'TM416', 'an unknown event is refused'),
    ('admin', :'webhook', 'null', 'TM201 event_id', 'an event or a range is required'),
    ('admin', :'webhook', :'event' || ', now(), now()', 'TM201 event_id',
     'an event and a range exclude each other'),
    ('admin', :'webhook', 'null, now()', 'TM202 ends_at', 'a range without an end is refused'),
    ('admin', :'webhook', 'null, null, now()', 'TM201 event_id',
     'a range without a beginning is refused'),
    ('admin', :'webhook', 'null, now(), now()', 'TM202 ends_at', 'an empty range is refused'))
    as v (actor, id, arguments, refusal, sentence);
reset role;
select pg_temp.webhook('{account.activated}') as activations \gset
reset role;
select count(app.add_event('account.activated', p_user_id => pg_temp.id_of('patient')))
from generate_series(1, 1000) \g /dev/null
set local role telemed_api;
select pg_temp.sign_in('admin');
select is(r.deliveries, 1000, 'redeliver_webhook: 1000 events are sent again')
from api.redeliver_webhook(:'activations', p_starts_at => :'from_', p_ends_at => '2100-01-01') as r;
reset role;
select app.add_event('account.activated', p_user_id => pg_temp.id_of('patient')) \g /dev/null
set local role telemed_api;
select is(
    pg_temp.refusal('admin', format(
        'select api.redeliver_webhook(%L, null, %L, ''2100-01-01'')', :'activations', :'from_')),
    'TM202 ends_at', 'redeliver_webhook: more than 1000 events are refused');
select pg_temp.sign_in('admin');
select api.update_webhook(:'webhook', p_is_enabled => false, p_versions => '{*}') \g /dev/null
select is(
    pg_temp.refusal('admin', format('select api.redeliver_webhook(%L, %s)', :'webhook', :'event')),
    'TM941', 'redeliver_webhook: a disabled webhook is refused');
select pg_temp.sign_in('admin');
select api.update_webhook(:'webhook', p_is_enabled => true, p_versions => '{*}') \g /dev/null
select is(
    pg_temp.refusal('admin', format('select api.redeliver_webhook(%L, %s)', :'webhook', :'event')),
    null, 'redeliver_webhook: after it is enabled, what was missed can be sent');
select isnt(pg_temp.claimed(:'delivery'), null, 'redeliver_webhook: it is sent then');
select pg_temp.sign_in('admin');
select is(count(*), 3::bigint, 'redeliver_webhook: the attempts of the first time stay')
from api.list_webhook_attempts(:'webhook');

select * from finish();
rollback;
