begin;
\ir ../helpers/actors.psql
\ir ../helpers/webhooks.psql
select plan(42);

select pg_temp.webhook() as webhook \gset
select pg_temp.event('account.created') as event \gset
select pg_temp.dispatched(:'event') \g /dev/null
select pg_temp.delivery(:'webhook', :'event') as delivery \gset
reset role;
create function pg_temp.webhook_now()
returns app.webhook_endpoints language sql security definer
as $$ select w from app.webhook_endpoints as w order by w.id limit 1 $$;
create function pg_temp.wait_for(p_delivery_id uuid)
returns interval language sql security definer
as $$ select d.next_attempt_at - app.clock() from app.webhook_deliveries as d
      where d.id = p_delivery_id $$;
set local role telemed_api;

-- Fenced
select is(pg_temp.settled(:'delivery', 0, 200), 'superseded',
    'settle_delivery: what nobody has claimed cannot be settled');
select pg_temp.claimed(:'delivery') \g /dev/null
select is(pg_temp.settled(:'delivery', 2, 200), 'superseded',
    'settle_delivery: another attempt cannot be settled');
select pg_temp.at_time('2027-01-04 08:02:00+00');
select is(pg_temp.claimed(:'delivery'), 2, 'settle_delivery: a second worker has claimed it');
select is(pg_temp.settled(:'delivery', 1, 200), 'superseded',
    'settle_delivery: the worker before comes too late');
select is(pg_temp.status_of(:'delivery'), 'sending', 'settle_delivery: a late report changes nothing');
select is(pg_temp.settled(:'delivery', 2, 200), 'delivered', 'settle_delivery: the holder settles it');
select is(pg_temp.settled(:'delivery', 2, 200), 'superseded',
    'settle_delivery: it can be settled once');
select is(pg_temp.settled(gen_random_uuid(), 1, 200), 'superseded',
    'settle_delivery: an unknown delivery is no error');

-- What counts as delivered
reset role;
create function pg_temp.outcome(p_status_code integer, p_error text)
returns text language plpgsql
as $$
declare
    v_event bigint := pg_temp.event('account.created');
    v_delivery uuid;
begin
    perform pg_temp.dispatched(v_event);
    v_delivery := pg_temp.delivery(
        (select w.id from app.webhook_endpoints as w order by w.id limit 1), v_event);
    return work.settle_delivery(
        v_delivery, pg_temp.claimed(v_delivery), 5, p_status_code, p_error);
end;
$$;
select is(pg_temp.outcome(v.code, v.error), v.result, 'settle_delivery: ' || v.sentence)
from (values
    (204, null, 'delivered', 'every status 2xx delivers'),
    (300, null, 'pending', 'a choice of addresses does not'),
    (302, 'A redirect is not followed', 'pending', 'a redirect does not'),
    (404, null, 'pending', 'an error of the receiver is tried again'),
    (999, null, 'pending', 'a status that HTTP does not define is tried again'),
    (200, 'The answer is not HTTP', 'pending', 'a status with an error does not deliver'),
    (null, 'The connection was refused', 'pending', 'no answer is tried again'))
    as v (code, error, result, sentence);
set local role telemed_api;
select is((pg_temp.webhook_now()).consecutive_failures, 6,
    'settle_delivery: failures of the endpoint are counted');


-- What is noted
select pg_temp.event('account.created') as event \gset
select pg_temp.dispatched(:'event') \g /dev/null
select pg_temp.delivery(:'webhook', :'event') as noted \gset
reset role;
select work.settle_delivery(
    :'noted', pg_temp.claimed(:'noted'), 1500, null, repeat('e', 201), '') \g /dev/null
select pg_temp.at_time(app.clock() + interval '5 seconds');
select work.settle_delivery(
    :'noted', pg_temp.claimed(:'noted'), 1500, 200, null, repeat('a', 1001)) \g /dev/null
select is(
    array_agg((a.attempt, char_length(a.error), char_length(a.answer))::text order by a.attempt),
    '{"(1,200,)","(2,,1000)"}',
    'settle_delivery: an attempt has up to 200 characters of the error and 1000 of the answer')
from app.webhook_attempts as a where a.delivery_id = :'noted';
select is(a.attempted_at::timestamptz, app.clock() - interval '1.5 seconds',
    'settle_delivery: an attempt has begun as long ago as it took')
from app.webhook_attempts as a where a.delivery_id = :'noted' and a.attempt = 2;
set local role telemed_api;

-- The back-off
select pg_temp.event('account.closed') as slow \gset
select pg_temp.dispatched(:'slow') \g /dev/null
select pg_temp.delivery(:'webhook', :'slow') as slow_delivery \gset
reset role;
create function pg_temp.waits()
returns interval[] language plpgsql
as $$
declare
    v_id uuid := (select d.id from app.webhook_deliveries as d where d.event_type = 'account.closed');
    v_now timestamptz := app.clock();
    v_waits interval[] := '{}';
begin
    for n in 1..9 loop
        perform pg_temp.settled(v_id, pg_temp.claimed(v_id), 503);
        v_waits := v_waits || pg_temp.wait_for(v_id);
        v_now := v_now + pg_temp.wait_for(v_id);
        perform pg_temp.at_time(v_now);
    end loop;
    return v_waits;
end;
$$;
select pg_temp.waits() as waits \gset
select ok(
    bool_and(w.actual between w.longest * 0.8 and w.longest),
    'settle_delivery: each wait is that of webhook_delays, less up to a fifth')
from unnest(:'waits'::interval[], app.webhook_delays()) as w (actual, longest);
select is(count(distinct w.share), 9::bigint, 'settle_delivery: waits are drawn by chance')
from (select extract(epoch from a) / extract(epoch from b) as share
      from unnest(:'waits'::interval[], app.webhook_delays()) as w (a, b)) as w;
select ok(
    sum(w) between interval '57 hours' and interval '72 hours',
    'settle_delivery: a delivery is tried for up to three days')
from unnest(:'waits'::interval[]) as w;
select is(pg_temp.jobs_of(:'slow_delivery'), 10::bigint, 'settle_delivery: each attempt has a job');

-- A success between two failures
select pg_temp.event('account.created') as unlucky \gset
select pg_temp.dispatched(:'unlucky') \g /dev/null
select pg_temp.delivery(:'webhook', :'unlucky') as unlucky_delivery \gset
reset role;
update app.webhook_endpoints set consecutive_failures = 0, first_failed_at = null;
select app.clock() + interval '1 hour' as later \gset
select pg_temp.settled(:'unlucky_delivery', pg_temp.claimed(:'unlucky_delivery'), 503) \g /dev/null
select is((pg_temp.webhook_now()).first_failed_at::timestamptz, d.first_tried_at::timestamptz,
    'settle_delivery: an endpoint fails since its first failed attempt')
from app.webhook_deliveries as d where d.id = :'unlucky_delivery';
select pg_temp.outcome(200, null) \g /dev/null
select pg_temp.at_time(:'later');
select pg_temp.settled(:'unlucky_delivery', pg_temp.claimed(:'unlucky_delivery'), 503) \g /dev/null
select is((pg_temp.webhook_now()).first_failed_at::timestamptz, :'later'::timestamptz,
    'settle_delivery: after a success it fails since the next failed attempt');

-- Given up
update app.webhook_endpoints set first_failed_at = app.clock() - interval '1 minute';
update app.webhook_endpoints set first_failed_at = d.first_tried_at + interval '1 second'
from app.webhook_deliveries as d where d.id = :'slow_delivery';
set local role telemed_api;
select is(pg_temp.settled(:'slow_delivery', pg_temp.claimed(:'slow_delivery'), 503), 'given_up',
    'settle_delivery: after ten attempts a delivery is given up');
select is(pg_temp.status_of(:'slow_delivery'), 'given_up', 'settle_delivery: that is its status');
select is((pg_temp.webhook_now()).disabled_because, null,
    'settle_delivery: an endpoint that took something meanwhile stays enabled');
select pg_temp.event('account.closed') as last \gset
select pg_temp.dispatched(:'last') \g /dev/null
select pg_temp.delivery(:'webhook', :'last') as last_delivery \gset
reset role;
update app.webhook_deliveries set attempt = 9, tries = 9, first_tried_at = app.clock() - interval '3 days'
where id = :'last_delivery';
update app.webhook_endpoints set first_failed_at = app.clock() - interval '3 days';
set local role telemed_api;
select is(pg_temp.settled(:'last_delivery', pg_temp.claimed(:'last_delivery'), 503), 'disabled',
    'settle_delivery: an endpoint that took nothing meanwhile is disabled');
select is(pg_temp.status_of(:'last_delivery'), 'given_up',
    'settle_delivery: the last delivery is given up with it');
select is((pg_temp.webhook_now()).disabled_because, 'failing',
    'settle_delivery: the endpoint says why it is disabled');
reset role;
select is_empty($$ select id from app.webhook_deliveries where status = 'pending' $$,
    'settle_delivery: a disabled endpoint has its pending deliveries given up');
select is(a.severity, 'warning', 'advise: a webhook that was disabled is a warning')
from ops.advise() as a where a.subject = 'webhook ' || :'webhook';

-- A success ends the failures
update app.webhook_endpoints set disabled_at = null, disabled_because = null;
select pg_temp.event('account.created') as again \gset
select pg_temp.dispatched(:'again') \g /dev/null
select pg_temp.delivery(:'webhook', :'again') as again_delivery \gset
insert into app.webhook_endpoints (url, event_types, secret, consecutive_failures, first_failed_at)
values ('https://hooks.clinic.test/other', '{consultation.joined}', 'none', 2, app.clock())
returning id as other_webhook \gset
select pg_temp.settled(:'again_delivery', pg_temp.claimed(:'again_delivery'), 200) \g /dev/null
select is(w.consecutive_failures, 2, 'settle_delivery: those of other endpoints go on')
from app.webhook_endpoints as w where w.id = :'other_webhook';
select count(*) as audited from app.audit_logs where table_name = 'webhook_endpoints' \gset
select pg_temp.outcome(200, null) \g /dev/null
select is(count(*), :'audited'::bigint,
    'settle_delivery: a delivery to an endpoint that does not fail leaves its row alone')
from app.audit_logs where table_name = 'webhook_endpoints';
select is((w.consecutive_failures, w.first_failed_at), (0, null::app.instant),
    'settle_delivery: a delivery ends the failures of its endpoint')
from pg_temp.webhook_now() as w;

-- Gone
select pg_temp.event('account.created') as goner \gset
select pg_temp.dispatched(:'goner') \g /dev/null
select pg_temp.delivery(:'webhook', :'goner') as gone_delivery \gset
select is(pg_temp.settled(:'gone_delivery', pg_temp.claimed(:'gone_delivery'), 410), 'disabled',
    'settle_delivery: an endpoint that answers 410 is disabled at once');
select is((pg_temp.webhook_now()).disabled_because, 'gone', 'settle_delivery: the reason is gone');

-- Disabled meanwhile
update app.webhook_endpoints set disabled_at = null, disabled_because = null;
select pg_temp.event('account.created') as busy \gset
select pg_temp.dispatched(:'busy') \g /dev/null
select pg_temp.delivery(:'webhook', :'busy') as busy_delivery \gset
select pg_temp.claimed(:'busy_delivery') \g /dev/null
select app.disable_webhook(:'webhook', 'by_admin') \g /dev/null
select is(pg_temp.settled(:'busy_delivery', 1, 503), 'given_up',
    'settle_delivery: a failure at an endpoint that was disabled meanwhile is not tried again');
select is(pg_temp.status_of(:'busy_delivery'), 'given_up',
    'settle_delivery: the delivery is given up, too');

-- What the receiver asks for
reset role;
select pg_temp.webhook() as polite \gset
create function pg_temp.wait_after(p_webhook_id uuid, p_retry_after_seconds integer)
returns interval language plpgsql
as $$
declare
    v_event bigint := pg_temp.event('account.created');
    v_delivery uuid;
begin
    perform pg_temp.dispatched(v_event);
    v_delivery := pg_temp.delivery(p_webhook_id, v_event);
    perform work.settle_delivery(
        v_delivery, pg_temp.claimed(v_delivery), 5, 503,
        p_retry_after_seconds => p_retry_after_seconds);
    return pg_temp.wait_for(v_delivery);
end;
$$;
select is(pg_temp.wait_after(:'polite', 600), interval '10 minutes',
    'settle_delivery: the next attempt waits as long as the receiver asks for');
select ok(pg_temp.wait_after(:'polite', 0) >= (app.webhook_delays())[1] * 0.8,
    'settle_delivery: a receiver cannot ask for less than the delay');
select is(pg_temp.wait_after(:'polite', 999999999), interval '20 hours',
    'settle_delivery: a receiver can ask for twenty hours at most');

select * from finish();
rollback;
