begin;
\ir ../helpers/actors.psql
select plan(26);
reset role;

create function pg_temp.store(
    p_key text default 'key',
    p_operation text default 'book_consultation',
    p_resource_id uuid default '00000000-0000-7000-8000-000000000000',
    p_response jsonb default '{}',
    p_refusal_code text default null,
    p_refusal_message text default null,
    p_fingerprint bytea default sha256(''),
    p_user_id uuid default pg_temp.id_of('patient'))
returns void language sql
as $$
    insert into app.idempotency_keys
        (user_id, operation, key, fingerprint, fingerprint_version, resource_id, response,
         refusal_code, refusal_message)
    values (
        p_user_id, p_operation, p_key, p_fingerprint, 1, p_resource_id, p_response,
        p_refusal_code, p_refusal_message)
$$;

select lives_ok('select pg_temp.store()', 'a key remembers what its request made');
select throws_ok('select pg_temp.store()', '23505', null, 'a key has one outcome');
select lives_ok(format('select pg_temp.store(%s)', v.arguments), v.sentence)
from (values
    ($$ p_operation => 'record_payment' $$, 'for another operation it is another key'),
    ($$ p_user_id => pg_temp.id_of('other_patient') $$, 'for another user too'),
    ($$ 'KEY' $$, 'and in other letters'),
    ($$ 'refused', p_resource_id => null, p_response => null,
        p_refusal_code => 'TM901', p_refusal_message => 'The slot is not open' $$,
     'a key remembers a refusal'),
    ($$ 'many', p_resource_id => null $$, 'or an answer about many things'),
    ($$ repeat('k', 255) $$, 'a key may have 255 characters')) as v (arguments, sentence);
select throws_ok(format('select pg_temp.store(%s)', v.arguments), v.code, null, v.sentence)
from (values
    ($$ repeat('k', 256) $$, '23514', 'but not 256'),
    ($$ '' $$, '23514', 'nor none'),
    ($$ null $$, '23502', 'a key is not missing'),
    ($$ 'k', 'Book Consultation' $$, '23514', 'an operation is written as a function is'),
    ($$ 'k', p_resource_id => null, p_response => null $$, '23514',
     'a key without an outcome is refused'),
    ($$ 'k', p_response => null $$, '23514', 'so is something made without an answer'),
    ($$ 'k', p_response => null, p_refusal_code => 'TM901', p_refusal_message => 'no' $$, '23514',
     'nor is anything made by a refusal'),
    ($$ 'k', p_refusal_code => 'TM901', p_refusal_message => 'no' $$, '23514',
     'no request is granted and refused'),
    ($$ 'k', p_resource_id => null, p_response => null, p_refusal_code => 'TM901' $$, '23514',
     'a refusal is said in words'),
    ($$ 'k', p_resource_id => null, p_response => null, p_refusal_code => 'TM301',
        p_refusal_message => 'no' $$, '23514', 'a missing right is not remembered'),
    ($$ 'k', p_resource_id => null, p_response => null, p_refusal_code => 'TM991',
        p_refusal_message => 'no' $$, '23514', 'nor is what passes by itself'),
    ($$ 'k', p_fingerprint => 'short' $$, '23514', 'a fingerprint is a SHA-256'),
    ($$ 'k', p_user_id => gen_random_uuid() $$, '23503', 'a key is somebody''s'))
    as v (arguments, code, sentence);

select throws_ok(
    $$ update app.idempotency_keys set response = '{"a": 1}' where key = 'key' $$,
    'TM912', null, 'an outcome is never changed');
select throws_ok(
    $$ delete from app.idempotency_keys where key = 'key' $$, 'TM912', null, 'nor deleted');
select throws_ok('truncate app.idempotency_keys', 'TM912', null, 'nor are all of them at once');
select throws_ok(
    $$ insert into app.idempotency_keys select * from app.idempotency_keys where key = 'key'
       on conflict on constraint idempotency_keys_are_used_once
       do update set response = '{"a": 1}' $$,
    'TM912', null, 'nor overwritten');
set local role telemed_api;
select throws_ok('select * from app.idempotency_keys', '42501', null, 'clients do not read keys');

select * from finish();
rollback;
