begin;
\ir ../helpers/actors.psql
select plan(8);
reset role;

select is(octet_length(k.key), 32, 'the database has a key of its own')
from app.context_keys as k where k.id = 'database';
select throws_ok(
    format('insert into app.context_keys (id, key) values (%L, %L)', v.id, v.key),
    '23514', null, v.sentence)
from (values
    ('0123456789abcdef', repeat('k', 31)::bytea, 'a key has at least 256 bits'),
    ('0123456789abcdef', repeat('k', 1025)::bytea, 'and an end'),
    ('0123456789ABCDEF', repeat('k', 32)::bytea, 'its id is written in one way'),
    ('', repeat('k', 32)::bytea, 'and not empty')) as v (id, key, sentence);

-- Who reads keys
set local role telemed_owner;
select is_empty('select id from app.context_keys', 'the owner of the tables sees no key');
set local role telemed_dba;
select throws_ok(
    'select from app.context_keys', '42501', null, 'a database administrator reads none');
set local role telemed_api;
select throws_ok('select from app.context_keys', '42501', null, 'nor does the REST API');

select * from finish();
rollback;
