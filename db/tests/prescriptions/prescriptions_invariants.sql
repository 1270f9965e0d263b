begin;
\ir ../helpers/actors.psql
\ir ../helpers/invariants.psql
select plan(3);

insert into broken (sentence, report, sql)
values
(
    'a prescription of a consultation that is not completed is reported',
    format('prescriptions_follow_a_completed_consultation 1 {%s}', :'prescription'),
    format('update app.prescriptions set consultation_id = %L where id = %L', :'moved',
        :'prescription')
),
(
    'a prescription without an item is reported',
    format('a_prescription_has_at_least_one_item 1 {%s}', :'prescription'),
    format('delete from app.prescription_items where prescription_id = %L', :'prescription')
);

select is(pg_temp.report_on(b.sql, b.triggers, b.traces), b.report, b.sentence)
from broken as b order by b.n;
select is_empty(
    $$ select * from pg_temp.unbroken('app.prescriptions_invariants') $$,
    'every invariant of prescriptions is broken by a case');

select * from finish();
rollback;
