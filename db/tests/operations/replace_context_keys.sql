begin;
\ir ../helpers/actors.psql
select plan(9);

reset role;
select ops.add_context_key(repeat('o', 32)) as old \gset
select key as own_key from app.context_keys where id = 'database' \gset
select pg_temp.sign_in('patient');
set local role telemed_api;
select is((api.my_profile()).id, pg_temp.id_of('patient'),
    'a context is valid before its key is replaced');

set local role telemed_dba;
select throws_ok(
    format('select ops.replace_context_keys(%L)', v.key), 'TM201', null, v.sentence)
from (values
    (repeat('k', 31), 'replace_context_keys: a key of 31 bytes is refused'),
    (null, 'replace_context_keys: a null key is refused')) as v (key, sentence);
select ops.replace_context_keys(repeat('n', 32)) as new \gset
select results_eq(
    'select id from ops.list_context_keys() order by id',
    format('values (%L), (%L) order by 1', :'new', 'database'),
    'replace_context_keys: the new key and the database''s own are the only ones');
select throws_ok('select api.my_profile()', 'TM101', null,
    'replace_context_keys: a context that the database signed before is refused');
select is((ops.act_as('patient@clinic.test')).id, pg_temp.id_of('patient'),
    'replace_context_keys: the database signs contexts with its new key');

reset role;
select isnt(key, :'own_key'::bytea, 'replace_context_keys: the database has another key of its own')
from app.context_keys where id = 'database';
select is(
    (select array_agg(l.operation || ' ' || l.row_id order by l.id) from app.audit_logs as l
     where l.table_name = 'context_keys' and l.row_id in (:'old', 'database', :'new')
       and l.new ->> 'id' is distinct from :'old'),
    array['INSERT ' || :'new', 'DELETE ' || :'old', 'UPDATE database'],
    'replace_context_keys: the audit log has each change');
set local role telemed_api;
select throws_ok(
    format('select ops.replace_context_keys(%L)', repeat('m', 32)),
    '42501', null, 'replace_context_keys: the REST API cannot call it');

select * from finish();
rollback;
