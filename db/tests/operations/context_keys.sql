begin;
\ir ../helpers/actors.psql
select plan(14);
select pg_temp.sign_in('nobody');

set local role telemed_dba;
select ops.add_context_key(repeat('k', 32)) as id \gset
select matches(:'id'::text, '^[0-9a-f]{16}$',
    'add_context_key: a new key gets an id of 16 hexadecimal digits');
select is(ops.add_context_key(repeat('k', 32)), :'id',
    'add_context_key: the same key again gets the same id');
select isnt(ops.add_context_key(repeat('l', 32)), :'id',
    'add_context_key: another key gets another id');
select is(
    (select count(*) from ops.list_context_keys() as k where k.id in (:'id', 'database')), 2::bigint,
    'list_context_keys: it lists the added key and the database''s own');
select throws_ok(
    format('select ops.add_context_key(%L)', v.key), 'TM201', null, v.sentence)
from (values
    (repeat('k', 31), 'add_context_key: a key of 31 bytes is refused'),
    (repeat('k', 1025), 'add_context_key: a key of 1025 bytes is refused'),
    (null, 'add_context_key: a null key is refused')) as v (key, sentence);

select ops.drop_context_key(:'id') \g /dev/null
select is_empty(
    format('select id from ops.list_context_keys() where id = %L', :'id'),
    'drop_context_key: a dropped key is not listed any more');
select throws_ok(
    format('select ops.drop_context_key(%L)', v.id), 'TM407', null, v.sentence)
from (values
    (:'id', 'drop_context_key: a key that was dropped before is refused'),
    ('database', 'drop_context_key: the database''s own key is refused'),
    (null, 'drop_context_key: a null id is refused')) as v (id, sentence);

reset role;
select is(
    (select array_agg(l.operation order by l.id) from app.audit_logs as l
     where l.table_name = 'context_keys' and l.row_id = :'id'),
    '{INSERT,DELETE}', 'the audit log has the addition and the removal of a context key');
select is_empty(
    $$ select id from app.audit_logs where table_name = 'context_keys'
       and (coalesce(old, '{}') || coalesce(new, '{}')) ? 'key' $$,
    'the audit log does not contain a context key');
set local role telemed_api;
select throws_ok(
    format('select ops.add_context_key(%L)', repeat('m', 32)),
    '42501', null, 'add_context_key: the REST API cannot call it');

select * from finish();
rollback;
