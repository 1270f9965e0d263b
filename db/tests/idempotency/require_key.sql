begin;
\ir ../helpers/actors.psql
select plan(3);
reset role;

select is(
    pg_temp.refusal('patient', 'select app.require_key(null)'), 'TM206 Idempotency-Key',
    'require_key: a null key is refused');
select lives_ok($$ select app.require_key('key') $$, 'require_key: a key is accepted');
select throws_ok(
    $$ select app.claim_key(null, 'book_consultation', '', '{}') $$ , '23514', null,
    'claim_key: an empty key is rejected');

select * from finish();
rollback;
