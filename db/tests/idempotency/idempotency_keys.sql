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

select lives_ok('select pg_temp.store()',
    'idempotency_keys: an outcome with a resource and a response is accepted');
select throws_ok('select pg_temp.store()', '23505', null,
    'idempotency_keys: a second outcome for the same user, operation and key is rejected');
select lives_ok(format('select pg_temp.store(%s)', v.arguments), v.sentence)
from (values
    ($$ p_operation => 'record_payment' $$,
     'idempotency_keys: the same key for another operation is accepted'),
    ($$ p_user_id => pg_temp.id_of('other_patient') $$,
     'idempotency_keys: the same key of another user is accepted'),
    ($$ 'KEY' $$, 'idempotency_keys: the same key in capital letters is accepted'),
    ($$ 'refused', p_resource_id => null, p_response => null,
        p_refusal_code => 'TM901', p_refusal_message => 'The slot is not open' $$,
     'idempotency_keys: an outcome with a refusal is accepted'),
    ($$ 'many', p_resource_id => null $$,
     'idempotency_keys: a response without a resource id is accepted'),
    ($$ repeat('k', 255) $$, 'idempotency_keys: a key of 255 characters is accepted'))
    as v (arguments, sentence);
select throws_ok(format('select pg_temp.store(%s)', v.arguments), v.code, null, v.sentence)
from (values
    ($$ repeat('k', 256) $$, '23514', 'idempotency_keys: a key of 256 characters is rejected'),
    ($$ '' $$, '23514', 'idempotency_keys: an empty key is rejected'),
    ($$ null $$, '23502', 'idempotency_keys: a null key is rejected'),
    ($$ 'k', 'Book Consultation' $$, '23514',
     'idempotency_keys: an operation that is not a function name is rejected'),
    ($$ 'k', p_resource_id => null, p_response => null $$, '23514',
     'idempotency_keys: a key without an outcome is rejected'),
    ($$ 'k', p_response => null $$, '23514',
     'idempotency_keys: a resource id without a response is rejected'),
    ($$ 'k', p_response => null, p_refusal_code => 'TM901', p_refusal_message => 'no' $$, '23514',
     'idempotency_keys: a refusal with a resource id is rejected'),
    ($$ 'k', p_refusal_code => 'TM901', p_refusal_message => 'no' $$, '23514',
     'idempotency_keys: a response together with a refusal is rejected'),
    ($$ 'k', p_resource_id => null, p_response => null, p_refusal_code => 'TM901' $$, '23514',
     'idempotency_keys: a refusal without a message is rejected'),
    ($$ 'k', p_resource_id => null, p_response => null, p_refusal_code => 'TM301',
        p_refusal_message => 'no' $$, '23514', 'idempotency_keys: a refusal TM301 is rejected'),
    ($$ 'k', p_resource_id => null, p_response => null, p_refusal_code => 'TM991',
        p_refusal_message => 'no' $$, '23514', 'idempotency_keys: a refusal TM991 is rejected'),
    ($$ 'k', p_fingerprint => 'short' $$, '23514',
     'idempotency_keys: a fingerprint that does not have 32 bytes is rejected'),
    ($$ 'k', p_user_id => gen_random_uuid() $$, '23503',
     'idempotency_keys: a key of an unknown user is rejected'))
    as v (arguments, code, sentence);

select throws_ok(
    $$ update app.idempotency_keys set response = '{"a": 1}' where key = 'key' $$,
    'TM912', null, 'idempotency_keys: an outcome cannot be updated');
select throws_ok(
    $$ delete from app.idempotency_keys where key = 'key' $$, 'TM912', null,
    'idempotency_keys: the outcome of a new booking cannot be deleted');
select throws_ok('truncate app.idempotency_keys', 'TM912', null,
    'idempotency_keys: the table cannot be truncated');
select throws_ok(
    $$ insert into app.idempotency_keys select * from app.idempotency_keys where key = 'key'
       on conflict on constraint idempotency_keys_are_used_once
       do update set response = '{"a": 1}' $$,
    'TM912', null, 'idempotency_keys: an outcome cannot be overwritten by insert ... on conflict');
set local role telemed_api;
select throws_ok('select * from app.idempotency_keys', '42501', null,
    'idempotency_keys: the REST API cannot read the table');

select * from finish();
rollback;
