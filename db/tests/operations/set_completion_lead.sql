begin;
\ir ../helpers/actors.psql
select plan(9);
reset role;

select is(ops.set_completion_lead('20 minutes'), interval '20 minutes', 'the lead is returned');
select is(
    app.completable_from('2027-01-05 09:00+00'), '2027-01-05 08:40+00',
    'a consultation may be completed that long before its start');
select is(l.old ->> 'completion_lead' <> l.new ->> 'completion_lead', true, 'the change is recorded')
from app.audit_logs as l where l.table_name = 'clinic_settings' order by l.id desc limit 1;
select throws_ok(
    format('select ops.set_completion_lead(%L)', v.lead), 'TM201', null, v.sentence)
from (values
    ('-1 second', 'a lead is not below zero'),
    ('24 hours 1 second', 'nor above a day'),
    (null, 'nor unknown')) as v (lead, sentence);
select throws_ok(
    $$ insert into app.clinic_settings default values $$, '23505', null, 'there is one row');
select throws_ok(
    $$ insert into app.clinic_settings (only_row) values (false) $$, '23514', null, 'and no other');
select throws_ok(
    $$ delete from app.clinic_settings $$, 'TM912', null, 'which is never deleted');

select * from finish();
rollback;
