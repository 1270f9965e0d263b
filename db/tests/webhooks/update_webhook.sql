begin;
\ir ../helpers/actors.psql
\ir ../helpers/webhooks.psql
select plan(32);

select pg_temp.webhook() as webhook \gset
select pg_temp.event('account.created') as event \gset
select pg_temp.dispatched(:'event') \g /dev/null
select pg_temp.delivery(:'webhook', :'event') as delivery \gset
select pg_temp.sign_in('admin');
select collect_tap(
    is(w.url, 'https://hooks.clinic.test/new', 'update_webhook: an admin changes the address'),
    is(w.event_types, '{account.closed}', 'update_webhook: an admin changes the types of events'),
    is(w.description, 'Billing', 'update_webhook: an admin changes the description'),
    is(w.is_enabled, true, 'update_webhook: a field that is not given stays as it is'))
from api.update_webhook(:'webhook', 'https://hooks.clinic.test/new', '{account.closed}', 'Billing',
    p_versions => '{*}') as w;
select is(
    to_jsonb(api.update_webhook(:'webhook', p_versions => '{*}')) - 'updated_at',
    to_jsonb(api.get_webhook(:'webhook')) - 'updated_at',
    'update_webhook: a call without a field changes no field');
select is((w.description, w.url), (null::text, 'https://hooks.clinic.test/new'::text),
    'update_webhook: a cleared description is null, and the rest stays')
from api.update_webhook(:'webhook', p_clear => '{description}', p_versions => '{*}') as w;
select is(pg_temp.status_of(:'delivery'), 'pending',
    'update_webhook: a new address or filter leaves pending deliveries as they are');

-- Disabled and enabled
select is((w.is_enabled, w.disabled_because), (false, 'by_admin'::text),
    'update_webhook: an admin disables a webhook')
from api.update_webhook(:'webhook', p_is_enabled => false, p_versions => '{*}') as w;
select is(pg_temp.status_of(:'delivery'), 'given_up',
    'update_webhook: a disabled webhook has its pending deliveries given up');
select pg_temp.event('account.closed') as later \gset
select is(pg_temp.dispatched(:'later'), 0, 'update_webhook: a disabled webhook gets no event');
select is(w.disabled_at, '2027-01-04 08:00:00+00',
    'update_webhook: to disable it again changes nothing')
from api.update_webhook(:'webhook', p_is_enabled => false, p_versions => '{*}') as w;
select is(w.is_enabled, false, 'update_webhook: another change leaves a webhook disabled')
from api.update_webhook(:'webhook', p_description => 'Billing', p_versions => '{*}') as w;
reset role;
update app.webhook_endpoints set consecutive_failures = 3, first_failed_at = app.clock();
select enabled_at as before from app.webhook_endpoints \gset
set local role telemed_api;
select pg_temp.sign_in('admin');
select is(
    (w.is_enabled, w.disabled_because, w.disabled_at, w.consecutive_failures, w.first_failed_at),
    (true, null::text, null::timestamptz, 0, null::timestamptz),
    'update_webhook: an enabled webhook begins without failures')
from api.update_webhook(:'webhook', p_is_enabled => true, p_versions => '{*}') as w;
select is(pg_temp.dispatched(:'later'), 0,
    'update_webhook: what was missed while it was disabled is not sent by itself');
select is(pg_temp.dispatched(pg_temp.event('account.closed')), 1,
    'update_webhook: an enabled webhook gets events again');
reset role;
select cmp_ok(enabled_at::timestamptz, '>', :'before'::timestamptz,
    'update_webhook: an enabled webhook does not catch up with events before')
from app.webhook_endpoints;
select enabled_at as enabled from app.webhook_endpoints \gset
set local role telemed_api;
select pg_temp.sign_in('admin');
reset role;
update app.webhook_endpoints set consecutive_failures = 3, first_failed_at = app.clock();
set local role telemed_api;
select is(w.consecutive_failures, 3,
    'update_webhook: to enable a webhook again leaves its failures as they are')
from api.update_webhook(:'webhook', p_is_enabled => true, p_versions => '{*}') as w;
reset role;
select is(enabled_at::timestamptz, :'enabled'::timestamptz,
    'update_webhook: to enable a webhook again loses no event')
from app.webhook_endpoints;
set local role telemed_api;

-- Refusals
select is(
    pg_temp.refusal(v.actor, format('select api.update_webhook(%L, %s)', v.id, v.arguments)),
    v.refusal, 'update_webhook: ' || v.sentence)
from (values
    ('patient', :'webhook', $$ p_versions => '{*}' $$, 'TM301', 'a patient is refused'),
    ('doctor', :'webhook', $$ p_versions => '{*}' $$, 'TM301', 'a doctor is refused'),
    ('nobody', :'webhook', $$ p_versions => '{*}' $$, 'TM101', 'a caller without a context is refused'),
    ('admin', gen_random_uuid()::text, $$ p_versions => '{*}' $$, 'TM415', 'an unknown webhook is refused'),
    ('admin', :'webhook', 'null', 'TM601 If-Match', 'a version is required'),
    ('admin', :'webhook', $$ p_versions => '{other}' $$, 'TM501 If-Match', 'another version is refused'),
    ('admin', :'webhook', $$ p_clear => '{url}', p_versions => '{*}' $$, 'TM201 url',
     'an address cannot be cleared'),
    ('admin', :'webhook', $$ p_event_types => '{x.y}', p_versions => '{*}' $$, 'TM201 event_types',
     'an unknown type of events is refused'),
    ('admin', :'webhook', $$ p_url => 'http://a.test', p_versions => '{*}' $$, '23514',
     'an address without TLS is refused'),
    ('admin', :'webhook', $$ p_description => '', p_versions => '{*}' $$, '23514',
     'an empty description is refused'))
    as v (actor, id, arguments, refusal, sentence);
reset role;
select pg_temp.sign_in('admin');
select app.entity_tag(w) as tag from api.get_webhook(:'webhook') as w \gset
set local role telemed_api;
select is(pg_temp.refusal('admin', format(
        'select api.update_webhook(%L, p_description => %L, p_versions => array[%L])',
        :'webhook', 'Seen', :'tag')), null,
    'update_webhook: the version that the caller has read is accepted');
select is(pg_temp.refusal('admin', format(
        'select api.update_webhook(%L, p_description => %L, p_versions => array[%L])',
        :'webhook', 'Late', :'tag')), 'TM501 If-Match',
    'update_webhook: the version before the change is refused');
select pg_temp.sign_in('admin');
select is((w.description), 'Seen', 'update_webhook: a refused change has no effect')
from api.get_webhook(:'webhook') as w;
select is(pg_temp.refusal('admin', format(
        'select api.update_webhook(%L, p_event_types => null, p_versions => ''{*}'')', :'webhook')),
    null, 'update_webhook: null leaves the types of events as they are');

select * from finish();
rollback;
