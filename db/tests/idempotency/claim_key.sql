begin;
\ir ../helpers/actors.psql
select plan(26);
reset role;

select pg_temp.id_of('patient') as patient, pg_temp.id_of('other_patient') as other_patient \gset
select pg_temp.sign_in('patient');

-- A new key
select collect_tap(
    is(k.created_at::timestamptz, null, 'claim_key: a new key has no outcome yet'),
    is(concat_ws(' ', k.user_id, k.operation, k.key), format('%s book_consultation key',
        :'patient'),
       'claim_key: a key is claimed for one user and one operation'),
    is((octet_length(k.fingerprint), k.fingerprint_version), (32, 1::smallint),
       'claim_key: a claimed key has the fingerprint of the request'))
from app.claim_key(:'patient', 'book_consultation', 'key', '{"slot_id": 1}') as k;
select is(count(*), 0::bigint,
    'claim_key: a claim stores nothing') from app.idempotency_keys;
select is(k.created_at::timestamptz, null,
    'claim_key: a key without an outcome can be claimed for another request')
from app.claim_key(:'patient', 'book_consultation', 'key', '{"slot_id": 2}') as k;
select is((k).key::text, null, 'claim_key: a null key claims nothing')
from app.claim_key(:'patient', 'book_consultation', null, '{}') as k;

-- The same request again
select app.settle_key(
    app.claim_key(:'patient', 'book_consultation', 'key', '{"slot_id": 1, "reason": null}'),
    '00000000-0000-7000-8000-000000000000', '{"id": "booked"}') \g /dev/null
select collect_tap(
    isnt(k.created_at::timestamptz, null, 'claim_key: the same request gets the stored outcome'),
    is(k.response, '{"id": "booked"}', 'claim_key: the stored outcome has the response'),
    is(k.resource_id, '00000000-0000-7000-8000-000000000000',
        'claim_key: the stored outcome has the id of the resource'))
from app.claim_key(:'patient', 'book_consultation', 'key', '{"slot_id": 1, "reason": null}') as k;
select isnt(k.created_at::timestamptz, null,
    'claim_key: the order of the fields does not change the fingerprint')
from app.claim_key(:'patient', 'book_consultation', 'key', '{"reason": null, "slot_id": 1}') as k;

-- Another request
select throws_ok(
    format($$ select app.claim_key(%L, 'book_consultation', 'key', %L) $$, :'patient', v.request),
    'TM203', null, v.sentence)
from (values
    ('{"slot_id": 2, "reason": null}', 'claim_key: the same key with another slot is refused'),
    ('{"slot_id": 1, "reason": "A cough"}',
     'claim_key: the same key with another reason is refused'),
    ('{"slot_id": 1}', 'claim_key: the same key with a field left out is refused'),
    ('{}', 'claim_key: the same key with an empty request is refused')) as v (request, sentence);
select is(k.created_at::timestamptz, null, v.sentence)
from (values
    (:'other_patient'::uuid, 'book_consultation', 'key',
     'claim_key: the same key of another user has no outcome'),
    (:'patient', 'record_payment', 'key',
     'claim_key: the same key for another operation has no outcome'),
    (:'patient', 'book_consultation', 'KEY', 'claim_key: a key is case-sensitive'))
    as v (user_id, operation, key, sentence)
cross join lateral app.claim_key(v.user_id, v.operation, v.key, '{}') as k;

-- A fingerprint of another version
insert into app.idempotency_keys
    (user_id, operation, key, fingerprint, fingerprint_version, resource_id, response)
values (:'patient', 'book_consultation', 'old', sha256('as it was'), 0, gen_random_uuid(),
'{"id": "old"}');
select is(k.response, '{"id": "old"}',
    'claim_key: fingerprints of different versions are not compared')
from app.claim_key(:'patient', 'book_consultation', 'old', '{"slot_id": 1}') as k;

-- A refusal
select app.refuse_under_key(
    app.claim_key(:'patient', 'book_consultation', 'refused', '{}'), 'TM901',
    'The slot is not open')
from (select set_config('app.refusals', 'remember', true)) as s \g /dev/null
select collect_tap(
    is(k.refusal_code, 'TM901', 'claim_key: a stored refusal comes back with its code'),
    is(k.response, null, 'claim_key: a stored refusal has no response'),
    isnt(k.created_at::timestamptz, null, 'claim_key: a stored refusal counts as an outcome'))
from app.claim_key(:'patient', 'book_consultation', 'refused', '{}') as k;
select pg_temp.sign_in('patient', 'raise');
select throws_ok(
    format($$ select app.claim_key(%L, 'book_consultation', 'refused', '{}') $$, :'patient'),
    'TM901', 'The slot is not open',
    'claim_key: after ops.act_as a stored refusal is raised as the same error');
select throws_ok(
    format($$ select app.claim_key(%L, 'book_consultation', 'refused', '{"slot_id": 1}') $$,
        :'patient'),
    'TM203', null, 'claim_key: another request under the key of a refusal is refused with TM203');

-- Two requests at once
select exists (select from pg_available_extensions where name = 'dblink') as can_call_itself \gset
\if :can_call_itself
create extension dblink;
select dblink_connect(
    'other', format(
        'host=%s port=%s dbname=%s user=%s',
        split_part(current_setting('unix_socket_directories'), ',', 1), current_setting('port'),
        current_database(), session_user)) \g /dev/null
select dblink_exec('other', 'begin') \g /dev/null
select * from dblink(
    'other',
    $$ select (app.claim_key('00000000-0000-7000-8000-000000000001', 'test', 'key', '{}')).key $$)
    as k (key text) \g /dev/null
set local lock_timeout = '50ms';
select throws_ok(
    $$ select app.claim_key('00000000-0000-7000-8000-000000000001', 'test', 'key', '{}') $$,
    'TM991', null,
    'claim_key: a request whose key another transaction holds waits for lock_timeout and is '
    'refused');
select lives_ok(
    $$ select app.claim_key('00000000-0000-7000-8000-000000000001', 'test', 'another key', '{}') $$,
    'claim_key: a request with another key does not wait');
select dblink_exec('other', 'rollback') \g /dev/null
select lives_ok(
    $$ select app.claim_key('00000000-0000-7000-8000-000000000001', 'test', 'key', '{}') $$,
    'claim_key: a key is free again when the transaction that held it is over');
select dblink_disconnect('other') \g /dev/null
\else
select skip('the extension dblink is not available', 3);
\endif

select * from finish();
rollback;
