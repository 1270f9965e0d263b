begin;
\ir ../helpers/actors.psql
select plan(26);
reset role;

select pg_temp.id_of('patient') as patient, pg_temp.id_of('other_patient') as other_patient \gset
select pg_temp.sign_in('patient');

-- A new key
select collect_tap(
    is(k.created_at::timestamptz, null, 'a new key has no outcome yet'),
    is(concat_ws(' ', k.user_id, k.operation, k.key), format('%s book_consultation key',
        :'patient'),
       'it is claimed for one user, one operation'),
    is((octet_length(k.fingerprint), k.fingerprint_version), (32, 1::smallint),
       'and one request'))
from app.claim_key(:'patient', 'book_consultation', 'key', '{"slot_id": 1}') as k;
select is(count(*), 0::bigint,
    'nothing is stored before there is an outcome') from app.idempotency_keys;
select is(k.created_at::timestamptz, null, 'a request that made nothing may claim it again')
from app.claim_key(:'patient', 'book_consultation', 'key', '{"slot_id": 2}') as k;
select is((k).key::text, null, 'without a key there is nothing to claim')
from app.claim_key(:'patient', 'book_consultation', null, '{}') as k;

-- The same request again
select app.settle_key(
    app.claim_key(:'patient', 'book_consultation', 'key', '{"slot_id": 1, "reason": null}'),
    '00000000-0000-7000-8000-000000000000', '{"id": "booked"}') \g /dev/null
select collect_tap(
    isnt(k.created_at::timestamptz, null, 'the same request finds the outcome'),
    is(k.response, '{"id": "booked"}', 'with the answer'),
    is(k.resource_id, '00000000-0000-7000-8000-000000000000', 'and what was made'))
from app.claim_key(:'patient', 'book_consultation', 'key', '{"slot_id": 1, "reason": null}') as k;
select isnt(k.created_at::timestamptz, null, 'the order of its fields does not matter')
from app.claim_key(:'patient', 'book_consultation', 'key', '{"reason": null, "slot_id": 1}') as k;

-- Another request
select throws_ok(
    format($$ select app.claim_key(%L, 'book_consultation', 'key', %L) $$, :'patient', v.request),
    'TM203', null, v.sentence)
from (values
    ('{"slot_id": 2, "reason": null}', 'another slot is another request'),
    ('{"slot_id": 1, "reason": "A cough"}', 'another reason is another request'),
    ('{"slot_id": 1}', 'a missing field is another request'),
    ('{}', 'so is an empty one')) as v (request, sentence);
select is(k.created_at::timestamptz, null, v.sentence)
from (values
    (:'other_patient'::uuid, 'book_consultation', 'key', 'another user''s key is another key'),
    (:'patient', 'record_payment', 'key', 'another operation''s too'),
    (:'patient', 'book_consultation', 'KEY', 'and one in other letters'))
    as v (user_id, operation, key, sentence)
cross join lateral app.claim_key(v.user_id, v.operation, v.key, '{}') as k;

-- A deployment that makes fingerprints in another way
insert into app.idempotency_keys
    (user_id, operation, key, fingerprint, fingerprint_version, resource_id, response)
values (:'patient', 'book_consultation', 'old', sha256('as it was'), 0, gen_random_uuid(),
'{"id": "old"}');
select is(k.response, '{"id": "old"}', 'fingerprints of different versions are not compared')
from app.claim_key(:'patient', 'book_consultation', 'old', '{"slot_id": 1}') as k;

-- A refusal
select app.refuse_under_key(
    app.claim_key(:'patient', 'book_consultation', 'refused', '{}'), 'TM901',
    'The slot is not open')
from (select set_config('app.refusals', 'remember', true)) as s \g /dev/null
select collect_tap(
    is(k.refusal_code, 'TM901', 'a refusal is found again'),
    is(k.response, null, 'without an answer'),
    isnt(k.created_at::timestamptz, null, 'as an outcome'))
from app.claim_key(:'patient', 'book_consultation', 'refused', '{}') as k;
select pg_temp.sign_in('patient', 'raise');
select throws_ok(
    format($$ select app.claim_key(%L, 'book_consultation', 'refused', '{}') $$, :'patient'),
    'TM901', 'The slot is not open', 'for a person in psql it is the same error again');
select throws_ok(
    format($$ select app.claim_key(%L, 'book_consultation', 'refused', '{"slot_id": 1}') $$,
        :'patient'),
    'TM203', null, 'another request does not hear of it');

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
    'TM991', null, 'the second of two requests with one key waits, and then is told to come again');
select lives_ok(
    $$ select app.claim_key('00000000-0000-7000-8000-000000000001', 'test', 'another key', '{}') $$,
    'a request with another key does not wait');
select dblink_exec('other', 'rollback') \g /dev/null
select lives_ok(
    $$ select app.claim_key('00000000-0000-7000-8000-000000000001', 'test', 'key', '{}') $$,
    'nor does anybody when the first is done');
select dblink_disconnect('other') \g /dev/null
\else
select skip('the extension dblink is not available', 3);
\endif

select * from finish();
rollback;
