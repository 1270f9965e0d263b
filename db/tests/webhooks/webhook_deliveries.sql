begin;
\ir ../helpers/actors.psql
\ir ../helpers/webhooks.psql
select plan(26);

select pg_temp.webhook() as webhook \gset
select pg_temp.event('account.created') as event \gset
select pg_temp.dispatched(:'event') \g /dev/null
select pg_temp.delivery(:'webhook', :'event') as delivery \gset
reset role;
create function pg_temp.broken(p_sql text)
returns text language plpgsql
as $$
declare
    v_code text;
    v_constraint text;
begin
    execute p_sql;
    return null;
exception when others then
    get stacked diagnostics v_code = returned_sqlstate, v_constraint = constraint_name;
    return concat_ws(' ', v_code, nullif(v_constraint, ''));
end;
$$;
select is(
    pg_temp.broken('update app.webhook_deliveries set ' || v.change), v.refusal,
    'webhook_deliveries: ' || v.sentence)
from (values
    ($$ status = 'lost' $$, '23514 webhook_deliveries_status_is_known', 'a status is known'),
    ($$ next_attempt_at = null $$,
     '23514 webhook_deliveries_wait_until_their_next_attempt', 'a pending delivery is due some time'),
    ($$ status = 'sending', next_attempt_at = null $$,
     '23514 webhook_deliveries_have_a_lease_while_they_are_sent',
     'a delivery that is sent has a lease'),
    ($$ status = 'delivered', next_attempt_at = null $$,
     '23514 webhook_deliveries_are_settled_at_a_time', 'a settled delivery has an end'),
    ($$ tries = 1, first_tried_at = now() $$, '23514 webhook_deliveries_tries_are_attempts',
     'tries are attempts'),
    ($$ attempt = 1, tries = 1 $$, '23514 webhook_deliveries_know_their_first_try',
     'the first try has a time'),
    ($$ body = '{"type": "other"}' $$, 'TM912', 'the body never changes'),
    ($$ event_id = 0 $$, 'TM912', 'a delivery keeps its event'))
    as v (change, refusal, sentence);
select is(
    pg_temp.broken(format(
        'insert into app.webhook_deliveries (endpoint_id, event_id, event_type, consultation_id, body)
         values (%L, %s, %L, %s, %L)', :'webhook', v.event_id, v.type, v.consultation_id, v.body)),
    v.refusal, 'webhook_deliveries: ' || v.sentence)
from (values
    (:'event', 'account.created', 'null', '{"a": 1}',
     '23505 webhook_deliveries_of_an_event_are_made_once', 'an event is delivered to a webhook once'),
    ('0', 'account.created', 'null', '{}',
     '23514 webhook_deliveries_body_is_an_object_that_is_not_empty', 'a body is not empty'),
    ('0', 'account.created', 'null', '[1]',
     '23514 webhook_deliveries_body_is_an_object_that_is_not_empty', 'a body is an object'),
    ('0', 'created', 'null', '{"a": 1}',
     '23514 webhook_deliveries_name_the_type_of_their_event', 'a type has a subject and a verb'),
    ('0', 'account.created', 'gen_random_uuid()', '{"a": 1}',
     '23514 webhook_deliveries_are_ordered_within_a_consultation',
     'an event of a consultation has a number'))
    as v (event_id, type, consultation_id, body, refusal, sentence);
select is(
    pg_temp.broken(format(
        'insert into app.webhook_attempts
             (endpoint_id, delivery_id, attempt, attempted_at, duration_ms, status_code, answer)
         values (%L, %L, 1, now(), %s, %s, %s)',
        :'webhook', v.delivery, v.duration, v.code, v.answer)),
    v.refusal, 'webhook_attempts: ' || v.sentence)
from (values
    (:'delivery', 1, 'null', 'null', '23514 webhook_attempts_have_an_answer_or_an_error',
     'an attempt has an answer or an error'),
    (:'delivery', 1, '1000', 'null', '23514 webhook_attempts_status_code_has_three_digits',
     'a status has three digits'),
    (:'delivery', -1, '200', 'null', '23514 webhook_attempts_duration_is_not_negative',
     'a duration is not negative'),
    (:'webhook', 1, '200', 'null', '23503 webhook_attempts_delivery_id_fkey',
     'an attempt belongs to a delivery'),
    (:'delivery', 1, '200', $$ repeat('x', 1001) $$,
     '23514 webhook_attempts_answer_has_up_to_1000_characters', 'an answer is short'),
    (:'delivery', 1, '200', $$ 'OK' $$, null, 'an attempt may succeed'),
    (:'delivery', 1, '200', $$ 'OK' $$,
     '23505 webhook_attempts_are_numbered_within_their_delivery', 'a number is given once'))
    as v (delivery, duration, code, answer, refusal, sentence);
select is(pg_temp.broken(v.sql), '23503 ' || v.name, v.sentence)
from (values
    (format('insert into app.webhook_attempts
                 (endpoint_id, delivery_id, attempt, attempted_at, status_code)
             values (app.uuid_v7(), %L, 2, now(), 200)', :'delivery'),
     'webhook_attempts_endpoint_id_fkey', 'webhook_attempts: an attempt belongs to a webhook'),
    ($$ insert into app.webhook_deliveries (endpoint_id, event_type, body)
        values (app.uuid_v7(), 'account.created', '{"a": 1}') $$,
     'webhook_deliveries_endpoint_id_fkey', 'webhook_deliveries: a delivery belongs to a webhook'))
    as v (sql, name, sentence);
select is(pg_temp.broken('update app.webhook_attempts set duration_ms = 1'), 'TM912',
    'webhook_attempts: an attempt never changes');
select is(
    app.webhook_message_id('019a0000-0000-7000-8000-000000000101', 7, :'delivery'),
    'event_7_019a00000000700080000000' || '00000101',
    'webhook_message_id: the id of an event for a webhook does not depend on the delivery');
select is(
    app.webhook_message_id(:'webhook', null, '019a0000-0000-7000-8000-000000000101'),
    'ping_019a0000000070008000000000000101', 'webhook_message_id: each ping has an id of its own');
set local app.verified_role = 'admin';
select is((a.event_type, a.status_code, a.delivery_status),
    ('account.created'::text, 200::smallint, 'pending'::text),
    'api.webhook_attempts: an attempt is shown with its event')
from api.webhook_attempts as a;

select * from finish();
rollback;
