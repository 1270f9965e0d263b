begin;
\ir ../helpers/actors.psql
select plan(8);
reset role;

select is(octet_length(k.key), 32, 'The database has a context key of its own with 256 bits')
from app.context_keys as k where k.id = 'database';
select throws_ok(
    format('insert into app.context_keys (id, key) values (%L, %L)', v.id, v.key),
    '23514', null, v.sentence)
from (values
    ('0123456789abcdef', repeat('k', 31)::bytea, 'A context key of less than 256 bits is refused'),
    ('0123456789abcdef', repeat('k', 1025)::bytea,
     'A context key of more than 1024 bytes is refused'),
    ('0123456789ABCDEF', repeat('k', 32)::bytea, 'A context key id in capital letters is refused'),
    ('', repeat('k', 32)::bytea, 'An empty context key id is refused')) as v (id, key, sentence);

-- Readers
set local role telemed_owner;
select is_empty('select id from app.context_keys',
    'The owner of the table app.context_keys sees no context key');
set local role telemed_dba;
select throws_ok(
    'select from app.context_keys', '42501', null, 'A DBA cannot read context keys');
set local role telemed_api;
select throws_ok('select from app.context_keys', '42501', null,
    'The REST API cannot read context keys');

select * from finish();
rollback;
