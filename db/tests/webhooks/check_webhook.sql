begin;
\ir ../helpers/actors.psql
\ir ../helpers/webhooks.psql
select plan(9);

reset role;
select set_eq(
    $$
    select m.type[1] from pg_constraint as c
    cross join lateral regexp_matches(
        pg_get_constraintdef(c.oid), '''([a-z_]+\.[a-z_]+)''', 'g') as m (type)
    where c.conname = 'event_type_is_known'
    $$,
    'select unnest(app.webhook_event_types())',
    'webhook_event_types: webhooks can get every type of events');
select lives_ok($$ select app.check_webhook('{consultation.booked}', 'x') $$,
    'check_webhook: a known type is accepted');
select lives_ok('select app.check_webhook(null, null)', 'check_webhook: null is not checked');
select throws_ok(format('select app.check_webhook(%L, %s)', v.types, v.secret), 'TM201', null,
    'check_webhook: ' || v.sentence)
from (values
    ('{consultation.boked}', 'null', 'an unknown type is refused'),
    ('{consultation.booked,consultation.booked}', 'null', 'a type that occurs twice is refused'),
    ('{}', $$ repeat('x', 1025) $$, 'a long secret is refused'))
    as v (types, secret, sentence);

select pg_temp.webhook() as webhook, pg_temp.webhook() as other \gset
select is((app.lock_webhook(:'webhook')).id, :'webhook'::uuid, 'lock_webhook: it returns the webhook');
select pg_temp.sign_in('admin');
select api.delete_webhook(:'webhook') \g /dev/null
select throws_ok(format('select app.lock_webhook(%L)', v.id), 'TM415', null,
    'lock_webhook: ' || v.sentence)
from (values
    (gen_random_uuid(), 'an unknown webhook is refused'),
    (:'webhook', 'a deleted webhook is refused')) as v (id, sentence);

select * from finish();
rollback;
