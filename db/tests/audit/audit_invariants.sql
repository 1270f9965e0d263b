begin;
\ir ../helpers/actors.psql
\ir ../helpers/invariants.psql
select plan(19);

insert into broken (sentence, report, sql, traces)
select v.sentence,
    format('the_newest_version_of_a_row_has_its_audit_row 1 {"%s %s"}', v.name, v.id),
    format(v.sql, v.id), true
from (values
    ('a consultation that was changed without an audit row is reported', 'consultations',
     :'moved',
     $$ update app.consultations set reason = 'x' where id = %L $$),
    ('a slot that was changed without an audit row is reported', 'availability_slots', :'slot_2',
     $$ update app.availability_slots set created_at = now() where id = %L $$),
    ('a payment that was changed without an audit row is reported', 'payments', :'payment',
     $$ update app.payments set method = 'cash' where id = %L $$),
    ('a prescription that was changed without an audit row is reported', 'prescriptions',
     :'prescription', $$ update app.prescriptions set notes = 'x' where id = %L $$),
    ('a prescription item that was changed without an audit row is reported',
     'prescription_items of', :'prescription',
     $$ update app.prescription_items set drug = 'Aspirin' where prescription_id = %L $$),
    ('a slot without audit rows is reported', 'availability_slots', :'slot_2',
     $$ delete from app.audit_logs where row_id = %L $$),
    ('a refund whose audit row does not name the user is reported', 'payments', :'refund',
     $$ update app.audit_logs set user_id = null where row_id = %L $$),
    ('a refund whose audit row does not name the request is reported', 'payments', :'refund',
     $$ update app.audit_logs set request_id = null where row_id = %L $$))
    as v (sentence, name, id, sql);

insert into broken (sentence, report, sql, traces)
select format('a row of %s whose audit row has no %s is reported', t.name, c.name),
    format('the_newest_version_of_a_row_has_its_audit_row 1 {"%s %s"}', t.name, t.id),
    format('update app.audit_logs set %I = null where table_name = %L and row_id = %L',
        c.name, t.name, t.id),
    true
from (values
    ('consultations', :'moved'), ('availability_slots', :'slot_2'), ('payments', :'payment'),
    ('prescriptions', :'prescription')) as t (name, id)
cross join unnest('{user_id,request_id}'::text[]) as c (name);

insert into broken (sentence, report, sql, traces)
values
(
    'a row of the audit log in the default partition is reported',
    'logs_are_in_the_partition_of_their_month 1 {app.audit_logs_default}',
    $$ insert into app.audit_logs (occurred_at, table_name, row_id, operation, new, row_hash)
       values ('2100-01-01', 'users', 'x', 'INSERT', '{}', sha256('')) $$, true
),
(
    'a row of the access log in the default partition is reported',
    'logs_are_in_the_partition_of_their_month 1 {app.access_logs_default}',
    $$ insert into app.access_logs (occurred_at, kind, operation, resource_ids)
       values ('2100-01-01', 'read', 'x', '{}') $$, true
);

select is(pg_temp.report_on(b.sql, b.triggers, b.traces), b.report, b.sentence)
from broken as b order by b.n;
select is_empty(
    $$ select * from pg_temp.unbroken('app.audit_invariants') $$,
    'every invariant of audit is broken by a case');

select * from finish();
rollback;
