begin;
\ir ../helpers/actors.psql
\ir ../helpers/keys.psql
select plan(29);

select pg_temp.sign_in('admin');
select collect_tap(
    is(w.url, 'https://hooks.clinic.test/in', 'create_webhook: an admin creates a webhook'),
    is(w.event_types, '{consultation.booked}', 'create_webhook: it has its types of events'),
    is(w.description, 'Billing', 'create_webhook: it has its description'),
    is((w.is_enabled, w.consecutive_failures), (true, 0), 'create_webhook: it is enabled'))
from api.create_webhook('https://hooks.clinic.test/in', 'encrypted', '{consultation.booked}',
    'Billing') as w;
select is(w.event_types, '{}', 'create_webhook: without types it gets every event')
from api.create_webhook('https://hooks.clinic.test/all', 'encrypted', null) as w;
reset role;
select is(convert_from(e.secret, 'UTF8'), 'encrypted', 'create_webhook: the secret is stored as given')
from app.webhook_endpoints as e where e.description = 'Billing';
select is((l.user_id, l.role::text), (pg_temp.id_of('admin'), 'admin'::text),
    'create_webhook: the audit log names the admin')
from app.audit_logs as l where l.table_name = 'webhook_endpoints' order by l.id limit 1;
set local role telemed_api;

-- Refusals
select is(
    pg_temp.refusal(v.actor, format(
        'select api.create_webhook(%L, %L, %L, %L)', v.url, v.secret, v.types, v.description)),
    v.refusal, 'create_webhook: ' || v.sentence)
from (values
    ('patient', 'https://a.test', 'x', '{}', null, 'TM301', 'a patient is refused'),
    ('doctor', 'https://a.test', 'x', '{}', null, 'TM301', 'a doctor is refused'),
    ('nobody', 'https://a.test', 'x', '{}', null, 'TM101', 'a caller without a context is refused'),
    ('admin', 'http://a.test', 'x', '{}', null, '23514', 'an address without TLS is refused'),
    ('admin', 'https://user@a.test', 'x', '{}', null, '23514',
     'an address with a user name is refused'),
    ('admin', null, 'x', '{}', null, '23502 url', 'a null address is refused'),
    ('admin', 'https://a.test', null, '{}', null, 'TM201 secret', 'a null secret is refused'),
    ('admin', 'https://a.test', repeat('x', 1025), '{}', null, 'TM201 secret',
     'a long secret is refused'),
    ('admin', 'https://a.test', 'x', '{nothing.known}', null, 'TM201 event_types',
     'an unknown type of events is refused'),
    ('admin', 'https://a.test', 'x', '{account.closed,account.closed}', null, 'TM201 event_types',
     'a type that occurs twice is refused'),
    ('admin', 'https://a.test', 'x', '{NULL}', null, 'TM201 event_types', 'a null type is refused'),
    ('admin', 'https://a.test', 'x', '{}', E'a\nb', '23514', 'a description of two lines is refused'))
    as v (actor, url, secret, types, description, refusal, sentence);

-- Under an idempotency key
reset role;
select pg_temp.honours_key('create_webhook', 'admin',
    $$ 'https://a.test', 'encrypted', '{consultation.booked}', 'Billing' $$,
    $$ 'https://b.test', 'encrypted', '{consultation.booked}', 'Billing' $$);
select pg_temp.answer_under_key('create_webhook', 'admin',
    $$ 'https://a.test', 'another', '{consultation.booked}', 'Billing' $$, 'one')::jsonb as again
\gset
select is(:'again'::jsonb ->> 'secret', 'encrypted',
    'create_webhook: a retry returns the secret of the first request, not its own');
select is(
    (select k.response ?| '{secret}' from app.idempotency_keys as k
     where k.operation = 'create_webhook'), false,
    'create_webhook: the secret is not among the outcomes of keys');
update app.webhook_endpoints set description = 'Changed' where id = (:'again'::jsonb ->> 'id')::uuid;
select is(
    pg_temp.answer_under_key('create_webhook', 'admin',
        $$ 'https://a.test', 'another', '{consultation.booked}', 'Billing' $$, 'one')::jsonb,
    :'again'::jsonb, 'create_webhook: a retry after another change gets the first answer');
select pg_temp.sign_in('admin');
select id from api.rotate_webhook_secret((:'again'::jsonb ->> 'id')::uuid, 'new', p_versions => '{*}') \gset
select is(
    pg_temp.answer_under_key('create_webhook', 'admin',
        $$ 'https://a.test', 'encrypted', '{consultation.booked}', 'Billing' $$, 'one'),
    'TM942', 'create_webhook: a retry after the secret was replaced is refused');
select api.delete_webhook((:'again'::jsonb ->> 'id')::uuid) \g /dev/null
select is(
    pg_temp.answer_under_key('create_webhook', 'admin',
        $$ 'https://a.test', 'encrypted', '{consultation.booked}', 'Billing' $$, 'one'),
    'TM942', 'create_webhook: a retry after the webhook was deleted is refused');

select * from finish();
rollback;
