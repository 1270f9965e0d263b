begin;
\ir ../helpers/actors.psql
\ir ../helpers/webhooks.psql
select plan(12);

select pg_temp.webhook() as webhook \gset
select pg_temp.event('account.created') as event \gset
select pg_temp.event('account.closed') as second_event \gset
select pg_temp.dispatched(:'event') \g /dev/null
select pg_temp.dispatched(:'second_event') \g /dev/null
select pg_temp.delivery(:'webhook', :'event') as sending \gset
select pg_temp.delivery(:'webhook', :'second_event') as pending \gset
select pg_temp.claimed(:'sending') as attempt \gset
select pg_temp.sign_in('admin');
select d.id as ping from api.ping_webhook(:'webhook') as d \gset
select api.rotate_webhook_secret(:'webhook', 'new', p_versions => '{*}') \g /dev/null
select is(
    pg_temp.refusal(v.actor, format('select api.delete_webhook(%L)', v.id)), v.refusal,
    'delete_webhook: ' || v.sentence)
from (values
    ('patient', :'webhook', 'TM301', 'a patient is refused'),
    ('doctor', :'webhook', 'TM301', 'a doctor is refused'),
    ('nobody', :'webhook', 'TM101', 'a caller without a context is refused'),
    ('admin', gen_random_uuid()::text, 'TM415', 'an unknown webhook is refused'),
    ('admin', null, 'TM415', 'a null id is refused'),
    ('admin', :'webhook', null, 'an admin deletes a webhook'),
    ('admin', :'webhook', 'TM415', 'a deleted webhook is refused'))
    as v (actor, id, refusal, sentence);
select is(pg_temp.status_of(d.id::uuid), 'given_up', 'delete_webhook: pending deliveries are given up')
from (values (:'pending'), (:'ping')) as d (id);
select is(pg_temp.settled(:'sending', :'attempt', 200), 'delivered',
    'delete_webhook: a worker that sends at this moment settles its delivery');
reset role;
select is((e.secret, e.previous_secret, e.disabled_because), (null::bytea, null::bytea, 'deleted'::text),
    'delete_webhook: a deleted webhook has no secret')
from app.webhook_endpoints as e;
set local role telemed_api;
select pg_temp.event('account.created') as later \gset
select is(pg_temp.dispatched(:'later'), 0, 'delete_webhook: a deleted webhook gets no event');

select * from finish();
rollback;
