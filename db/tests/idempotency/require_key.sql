begin;
\ir ../helpers/actors.psql
select plan(3);
reset role;

select is(
    pg_temp.refusal('patient', 'select app.require_key(null)'), 'TM206 Idempotency-Key',
    'a request that needs a key is refused without one');
select lives_ok($$ select app.require_key('key') $$, 'with a key it goes on');
select throws_ok(
    $$ select app.claim_key(null, 'book_consultation', '', '{}') $$ , '23514', null,
    'whether the key is good is the table''s to say');

select * from finish();
rollback;
