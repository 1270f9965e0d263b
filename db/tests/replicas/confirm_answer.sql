begin;
\ir ../helpers/actors.psql
select plan(4);

-- tests/server/test_standby.py has a synchronous standby.
select pg_temp.sign_in('nobody');
set local role telemed_api;
select ok(api.confirm_answer(), 'confirm_answer: a caller need not be logged in');
savepoint before;
set local transaction_read_only = on;
select throws_ok('select api.confirm_answer()', '25006', null,
    'confirm_answer: a server that accepts no writes confirms nothing');
rollback to before;
select set_config('app.proof', '', true) \gset
select throws_ok('select api.confirm_answer()', 'TM101', null,
    'confirm_answer: a caller without a context is refused');
set local role telemed_auditor;
select throws_ok('select api.confirm_answer()', '42501', null,
    'confirm_answer: an auditor cannot call it');

select * from finish();
rollback;
