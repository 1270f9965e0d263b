begin;
\ir ../helpers/actors.psql
select plan(8);
reset role;

select pg_temp.id_of('patient') as patient \gset
select app.settle_key(
    app.claim_key(:'patient', 'book_consultation', 'key', '{"slot_id": 1}'),
    '00000000-0000-7000-8000-000000000000', '{"id": "booked"}') \g /dev/null
select collect_tap(
    is(concat_ws(' ', k.user_id, k.operation, k.key), format('%s book_consultation key',
        :'patient'),
       'settle_key: an outcome is stored under its user, operation and key'),
    is(k.resource_id, '00000000-0000-7000-8000-000000000000',
        'settle_key: the outcome has the id of the resource'),
    is(k.response, '{"id": "booked"}', 'settle_key: the outcome has the response'),
    is(k.refusal_code, null, 'settle_key: the outcome has no refusal code'),
    is(k.created_at::timestamptz, '2027-01-04 08:00:00+00',
        'settle_key: the outcome has the present time'))
from app.idempotency_keys as k;
select throws_ok(
    format(
        $$
        select app.settle_key(
            row(%L, 'book_consultation', 'key', sha256(''), 1, null, null, null, null,
            null, null)::app.idempotency_keys,
            gen_random_uuid(), '{}')
        $$, :'patient'),
    '23505', null, 'settle_key: a second outcome under the same key is rejected');
select throws_ok(
    format(
        $$ select app.settle_key(
            app.claim_key(%L, 'book_consultation', 'empty', '{}'), gen_random_uuid(), null) $$,
        :'patient'),
    '23514', null, 'settle_key: a null response is rejected');
select app.settle_key(null, gen_random_uuid(), '{"id": "made"}') \g /dev/null
select is(count(*), 1::bigint,
    'settle_key: without a key nothing is stored') from app.idempotency_keys;

select * from finish();
rollback;
