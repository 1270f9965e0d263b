begin;
\ir ../helpers/actors.psql
\ir ../helpers/invariants.psql
select plan(16);

select ops.seal_audit(10000000, '1 minute') \g /dev/null
select f.last_id as before from app.activity_folds as f \gset
select max(s.last_id) as sealed from app.audit_seals as s \gset
set local role telemed_dba;
select is(ops.fold_activity(5), 5::bigint, 'fold_activity: at most p_rows ids are folded');
select is(ops.fold_activity(), (:sealed - :before - 5)::bigint,
    'fold_activity: the next call folds the rest');
select is(ops.fold_activity(), 0::bigint, 'fold_activity: a call without new seals folds nothing');
select throws_ok(format('select ops.fold_activity(%L)', v.n), 'TM201', null, v.sentence)
from (values
    (0, 'fold_activity: 0 rows are refused'),
    (10000001, 'fold_activity: more than 10,000,000 rows are refused'),
    (null, 'fold_activity: a null number of rows is refused')) as v (n, sentence);
reset role;
select is_empty(
    $$ select * from app.analytics_invariants(null) where violations <> '{}' $$,
    'fold_activity: the sums are those of the rows');

-- Changes after the fold: the figures stay exact, with the old sums and with the new ones
set local role telemed_api;
select pg_temp.sign_in('other_doctor');
select api.complete_consultation(:'scheduled') \g /dev/null
select pg_temp.sign_in('patient');
select api.cancel_consultation(:'again') \g /dev/null
select pg_temp.booking('other_patient', :'slot_6') as later \gset
select pg_temp.sign_in('admin');
select api.clinic_analytics()::text as figures \gset
reset role;
select is_empty(
    $$ select * from app.analytics_invariants(null) where violations <> '{}' $$,
    'fold_activity: changes after the fold complete the sums');
select ops.seal_audit(10000000, '1 minute') \g /dev/null
set local role telemed_dba;
select cmp_ok(ops.fold_activity(), '>', 0::bigint, 'fold_activity: later changes are folded');
reset role;
select is_empty('select * from app.activity_of_changes((select last_id from app.activity_folds))',
    'fold_activity: no change is left after it');
set local role telemed_api;
select pg_temp.sign_in('admin');
select is(api.clinic_analytics()::text, :'figures', 'fold_activity: the figures are the same');
reset role;

-- Rows that were loaded without their audit log
set local session_replication_role = replica;
insert into app.availability_slots (doctor_id, starts_at, ends_at, specialty)
select pg_temp.id_of('doctor'), '2027-02-01 09:00+00', '2027-02-01 10:00+00', 'cardiology';
set local session_replication_role = origin;
select isnt_empty(
    $$ select * from app.analytics_invariants(null) where violations <> '{}' $$,
    'rebuild_activity: before it the sums lack rows that were loaded');
set local role telemed_dba;
select lives_ok('select ops.rebuild_activity()',
    'rebuild_activity: a database administrator can call it');
reset role;
select is_empty(
    $$ select * from app.analytics_invariants(null) where violations <> '{}' $$,
    'rebuild_activity: the sums are those of the rows');

-- Rights
set local role telemed_auditor;
select throws_ok('select ops.fold_activity()', '42501', null,
    'fold_activity: an auditor cannot call it');
set local role telemed_api;
select throws_ok('select ops.rebuild_activity()', '42501', null,
    'rebuild_activity: the REST API cannot call it');

select * from finish();
rollback;
