begin;
\ir ../helpers/actors.psql
select plan(6);

reset role;
delete from procrastinate.procrastinate_workers;
create temp table advice_of_dba on commit drop as select * from ops.advise();
grant select on advice_of_dba to telemed_api;
set local role telemed_api;

select pg_temp.sign_in('admin');
select set_eq(
    'select severity, subject, found, advice from api.list_advice()',
    'select severity, subject, found, advice from advice_of_dba',
    'list_advice: an admin gets the advice that a DBA gets');
reset role;
insert into app.invariant_findings (name, violations, examples, made_from_at)
values ('a_rule', 3, '{1}', '2027-01-01 00:00:00+00');
set local role telemed_api;
select pg_temp.sign_in('admin');
select results_eq(
    $$ select a.severity, a.found from api.list_advice() as a where a.subject = 'invariant a_rule' $$,
    $$ values ('warning', '3 violations, found at 2027-01-04 08:00 UTC') $$,
    'list_advice: it has the invariants that a check has found violated');
select isnt_empty(
    $$ select a.advice from api.list_advice() as a
       where a.subject = 'worker' and a.severity = 'warning' $$,
    'list_advice: a missing worker is a warning');
select is(pg_temp.refusal(v.actor, 'select api.list_advice()'), v.refusal,
    'list_advice: ' || v.sentence)
from (values
    ('patient', 'TM301', 'a patient is refused'),
    ('doctor', 'TM301', 'a doctor is refused'),
    ('nobody', 'TM101', 'a caller without a context is refused'))
    as v (actor, refusal, sentence);

select * from finish();
rollback;
