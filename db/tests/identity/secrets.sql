begin;
select plan(9);

select is(octet_length(s.value), 32, 'the key behind invented salts has 256 bits')
from app.secrets as s where s.name = 'invented_salt';

insert into app.secrets (name) values ('one'), ('another');
select isnt(a.value, b.value, 'a new key is random')
from app.secrets as a, app.secrets as b where a.name = 'one' and b.name = 'another';
select throws_ok(
    $$ insert into app.secrets (name) values ('one') $$, '23505', null, 'a key has its own name');
select throws_ok(
    $$ insert into app.secrets (name) values ('One') $$, '23514', null, 'in lower case');
select throws_ok(
    format($$ update app.secrets set value = decode(repeat('00', %s), 'hex') $$, v.bytes),
    '23514', null, v.sentence)
from (values
    (31, 'a key of 31 bytes is too short'),
    (1025, 'a key of 1025 bytes is too long')) as v (bytes, sentence);
select lives_ok(
    format($$ update app.secrets set value = decode(repeat('00', %s), 'hex') $$, v.bytes),
    v.sentence)
from (values
    (32, 'a key of 32 bytes is long enough'),
    (1024, 'a key of 1024 bytes is not too long')) as v (bytes, sentence);
select is_empty(
    $$ select id from app.audit_logs where table_name = 'secrets' $$,
    'no key leaves a trace');

select * from finish();
rollback;
