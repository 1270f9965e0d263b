begin;
\ir ../helpers/actors.psql
select plan(4);

-- tests/server/test_standby.py reads the notice.
select pg_temp.sign_in('nobody');
set local role telemed_api;
select ok(api.require_confirmation(), 'require_confirmation: a caller need not be logged in');
select ok(
    (select p.proconfig from pg_proc as p where p.oid = 'api.require_confirmation'::regproc)
    @> '{client_min_messages=notice}',
    'require_confirmation: no setting of the client hides its notice');
select set_config('app.proof', '', true) \gset
select throws_ok('select api.require_confirmation()', 'TM101', null,
    'require_confirmation: a caller without a context is refused');
set local role telemed_auditor;
select throws_ok('select api.require_confirmation()', '42501', null,
    'require_confirmation: an auditor cannot call it');

select * from finish();
rollback;
