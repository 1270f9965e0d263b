begin;
\ir ../helpers/one_at_a_time.psql
select plan(9);

select is(octet_length(s.value), 32, 'The secret key of invented salts has 256 bits')
from app.secrets as s where s.name = 'invented_salt';

insert into app.secrets (name) values ('one'), ('another');
select isnt(a.value, b.value, 'A new secret key is random')
from app.secrets as a, app.secrets as b where a.name = 'one' and b.name = 'another';
select throws_ok(
    $$ insert into app.secrets (name) values ('one') $$, '23505', null,
    'A second secret key of the same name is refused');
select throws_ok(
    $$ insert into app.secrets (name) values ('One') $$, '23514', null,
    'A name in capital letters is refused');
select throws_ok(
    format($$ update app.secrets set value = decode(repeat('00', %s), 'hex') $$, v.bytes),
    '23514', null, v.sentence)
from (values
    (31, 'A secret key of 31 bytes is refused'),
    (1025, 'A secret key of 1025 bytes is refused')) as v (bytes, sentence);
select lives_ok(
    format($$ update app.secrets set value = decode(repeat('00', %s), 'hex') $$, v.bytes),
    v.sentence)
from (values
    (32, 'A secret key of 32 bytes is accepted'),
    (1024, 'A secret key of 1024 bytes is accepted')) as v (bytes, sentence);
select is_empty(
    $$ select id from app.audit_logs where table_name = 'secrets' $$,
    'The audit log does not hold secret keys');

select * from finish();
rollback;
