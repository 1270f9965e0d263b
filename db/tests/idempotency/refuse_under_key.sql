begin;
\ir ../helpers/actors.psql
select plan(10);
reset role;

select pg_temp.id_of('patient') as patient \gset

create function pg_temp.refuse(p_key text, p_code text, p_message text default 'No')
returns void language sql
as $$
    select app.refuse_under_key(
        app.claim_key(pg_temp.id_of('patient'), 'book_consultation', p_key, '{}'), p_code,
        p_message)
$$;

select pg_temp.sign_in('patient', 'remember');
select lives_ok(
    $$ select pg_temp.refuse('key', 'TM901', 'The slot is not open') $$,
    'the REST API can commit a refusal');
select collect_tap(
    is(k.refusal_code, 'TM901', 'it is stored with its code'),
    is(k.refusal_message::text, 'The slot is not open', 'and its words'),
    is(k.resource_id, null, 'nothing was made'),
    is(k.created_at::timestamptz, '2027-01-04 08:00:00+00', 'it is stored now'))
from app.idempotency_keys as k where k.key = 'key';
select throws_ok(
    $$ select pg_temp.refuse('other', 'TM301') $$, '23514', null, 'only a conflict is remembered');
select throws_ok(
    $$ select pg_temp.refuse('other', 'TM901', '') $$, '23514', null, 'a refusal is said in words');

select pg_temp.sign_in('patient', 'raise');
select throws_ok(
    $$ select pg_temp.refuse('raised', 'TM901', 'The slot is not open') $$,
    'TM901', 'The slot is not open', 'for a person in psql it is an error');
select is_empty(
    $$ select key from app.idempotency_keys where key in ('raised', 'other') $$,
    'which leaves nothing under the key');

select pg_temp.sign_in('patient', 'remember');
select throws_ok(
    $$ select app.refuse_under_key(null, 'TM901', 'The slot is not open') $$,
    'TM901', 'The slot is not open', 'without a key nothing can be remembered: it is an error');

select * from finish();
rollback;
