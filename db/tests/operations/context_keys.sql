begin;
\ir ../helpers/actors.psql
select plan(14);
select pg_temp.sign_in('nobody');

set local role telemed_dba;
select ops.add_context_key(repeat('k', 32)) as id \gset
select matches(:'id'::text, '^[0-9a-f]{16}$', 'a new key has an id');
select is(ops.add_context_key(repeat('k', 32)), :'id', 'a key is added once');
select isnt(ops.add_context_key(repeat('l', 32)), :'id', 'several can be believed');
select is(
    (select count(*) from ops.list_context_keys() as k where k.id in (:'id', 'database')), 2::bigint,
    'they are listed');
select throws_ok(
    format('select ops.add_context_key(%L)', v.key), 'TM201', null, v.sentence)
from (values
    (repeat('k', 31), 'a short key is refused'),
    (repeat('k', 1025), 'so is a very long one'),
    (null, 'and a missing one')) as v (key, sentence);

select ops.drop_context_key(:'id') \g /dev/null
select is_empty(
    format('select id from ops.list_context_keys() where id = %L', :'id'), 'a key is dropped');
select throws_ok(
    format('select ops.drop_context_key(%L)', v.id), 'TM407', null, v.sentence)
from (values
    (:'id', 'and once only'),
    ('database', 'the database''s own stays'),
    (null, 'nothing is not a key')) as v (id, sentence);

reset role;
select is(
    (select array_agg(l.operation order by l.id) from app.audit_logs as l
     where l.table_name = 'context_keys' and l.row_id = :'id'),
    '{INSERT,DELETE}', 'both leave a trace');
select is_empty(
    $$ select id from app.audit_logs where table_name = 'context_keys'
       and (coalesce(old, '{}') || coalesce(new, '{}')) ? 'key' $$,
    'that does not tell the key');
set local role telemed_api;
select throws_ok(
    format('select ops.add_context_key(%L)', repeat('m', 32)),
    '42501', null, 'the REST API adds no key');

select * from finish();
rollback;
