begin;
\ir ../helpers/actors.psql
\ir ../helpers/webhooks.psql
select plan(15);

select pg_temp.webhook() as webhook \gset
select pg_temp.sign_in('admin');
select d.id as ping, d.message_id, d.event_type, d.status from api.ping_webhook(:'webhook') as d \gset
select is((:'event_type'::text, :'status'::text), ('webhook.ping'::text, 'pending'::text),
    'ping_webhook: an admin sends a test');
select is(:'message_id', 'ping_' || replace(:'ping', '-', ''), 'ping_webhook: it has an id of its own');
select is(pg_temp.jobs_of(:'ping'), 1::bigint, 'ping_webhook: it has a job');
reset role;
select is(
    c.body::jsonb,
    jsonb_build_object('type', 'webhook.ping', 'timestamp', '2027-01-04T08:00:00.000000Z',
        'data', jsonb_build_object('webhook_id', :'webhook')),
    'ping_webhook: the body is an object with the id of the webhook')
from work.claim_delivery(:'ping') as c;
set local role telemed_api;
select is(pg_temp.settled(:'ping', 1, 500), 'given_up', 'ping_webhook: it is tried once');
select pg_temp.sign_in('admin');
select is(w.consecutive_failures, 0, 'ping_webhook: its failure does not count')
from api.get_webhook(:'webhook') as w;
select api.update_webhook(:'webhook', p_is_enabled => false, p_versions => '{*}') \g /dev/null
select d.id as second from api.ping_webhook(:'webhook') as d \gset
select is(pg_temp.claimed(:'second'), 1, 'ping_webhook: a disabled webhook can be tested');
select is(pg_temp.settled(:'second', 1, 204), 'delivered', 'ping_webhook: it can be delivered');
select pg_temp.sign_in('admin');
select is(w.is_enabled, false, 'ping_webhook: a delivered test does not enable the webhook')
from api.get_webhook(:'webhook') as w;
select is(count(*), 2::bigint, 'ping_webhook: the attempts have both tests')
from api.list_webhook_attempts(:'webhook');
select is(
    pg_temp.refusal(v.actor, format('select api.ping_webhook(%L)', v.id)), v.refusal,
    'ping_webhook: ' || v.sentence)
from (values
    ('patient', :'webhook', 'TM301', 'a patient is refused'),
    ('doctor', :'webhook', 'TM301', 'a doctor is refused'),
    ('nobody', :'webhook', 'TM101', 'a caller without a context is refused'),
    ('admin', gen_random_uuid()::text, 'TM415', 'an unknown webhook is refused'),
    ('admin', null, 'TM415', 'a null id is refused'))
    as v (actor, id, refusal, sentence);

select * from finish();
rollback;
