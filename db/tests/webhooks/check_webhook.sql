begin;
\ir ../helpers/actors.psql
select plan(7);

reset role;
select set_eq(
    $$
    select m.type[1] from pg_constraint as c
    cross join lateral regexp_matches(
        pg_get_constraintdef(c.oid), '''([a-z_]+\.[a-z_]+)''', 'g') as m (type)
    where c.conname = 'event_type_is_known' and m.type[1] not like 'slot.%'
    $$,
    'select unnest(app.webhook_event_types())',
    'webhook_event_types: webhooks get every type of events but those of slots');
select lives_ok($$ select app.check_webhook('{consultation.booked}', 'x') $$,
    'check_webhook: a known type is accepted');
select lives_ok('select app.check_webhook(null, null)', 'check_webhook: null is not checked');
select throws_ok(format('select app.check_webhook(%L, %s)', v.types, v.secret), 'TM201', null,
    'check_webhook: ' || v.sentence)
from (values
    ('{consultation.boked}', 'null', 'an unknown type is refused'),
    ('{slot.opened}', 'null', 'events of slots are refused'),
    ('{consultation.booked,consultation.booked}', 'null', 'a type that occurs twice is refused'),
    ('{}', $$ repeat('x', 1025) $$, 'a long secret is refused'))
    as v (types, secret, sentence);

select * from finish();
rollback;
