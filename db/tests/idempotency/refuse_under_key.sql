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
    'refuse_under_key: for the REST API the refusal does not raise an error');
select collect_tap(
    is(k.refusal_code, 'TM901', 'refuse_under_key: the refusal is stored with its code'),
    is(k.refusal_message::text, 'The slot is not open',
        'refuse_under_key: the refusal is stored with its message'),
    is(k.resource_id, null, 'refuse_under_key: the refusal is stored without a resource'),
    is(k.created_at::timestamptz, '2027-01-04 08:00:00+00',
        'refuse_under_key: the refusal is stored with the present time'))
from app.idempotency_keys as k where k.key = 'key';
select throws_ok(
    $$ select pg_temp.refuse('other', 'TM301') $$, '23514', null,
    'refuse_under_key: a code outside the family TM9nn cannot be stored');
select throws_ok(
    $$ select pg_temp.refuse('other', 'TM901', '') $$, '23514', null,
    'refuse_under_key: an empty message cannot be stored');

select pg_temp.sign_in('patient', 'raise');
select throws_ok(
    $$ select pg_temp.refuse('raised', 'TM901', 'The slot is not open') $$,
    'TM901', 'The slot is not open',
    'refuse_under_key: after ops.act_as the refusal is raised as an error');
select is_empty(
    $$ select key from app.idempotency_keys where key in ('raised', 'other') $$,
    'refuse_under_key: a raised refusal stores nothing under the key');

select pg_temp.sign_in('patient', 'remember');
select throws_ok(
    $$ select app.refuse_under_key(null, 'TM901', 'The slot is not open') $$,
    'TM901', 'The slot is not open',
    'refuse_under_key: without a key the refusal is raised as an error');

select * from finish();
rollback;
