begin;
\ir ../helpers/actors.psql
select plan(9);
reset role;

select is(ops.set_completion_lead('20 minutes'), interval '20 minutes',
    'set_completion_lead: it returns the lead');
select is(
    app.completable_from('2027-01-05 09:00+00'), '2027-01-05 08:40+00',
    'set_completion_lead: a consultation may be completed p_lead before its start');
select is(l.old ->> 'completion_lead' <> l.new ->> 'completion_lead', true,
    'set_completion_lead: the audit log has the change')
from app.audit_logs as l where l.table_name = 'clinic_settings' order by l.id desc limit 1;
select throws_ok(
    format('select ops.set_completion_lead(%L)', v.lead), 'TM201', null, v.sentence)
from (values
    ('-1 second', 'set_completion_lead: a negative lead is refused'),
    ('24 hours 1 second', 'set_completion_lead: a lead of more than 24 hours is refused'),
    (null, 'set_completion_lead: a null lead is refused')) as v (lead, sentence);
select throws_ok(
    $$ insert into app.clinic_settings default values $$, '23505', null,
    'clinic_settings: a second row is rejected');
select throws_ok(
    $$ insert into app.clinic_settings (only_row) values (false) $$, '23514', null,
    'clinic_settings: a row whose only_row is false is rejected');
select throws_ok(
    $$ delete from app.clinic_settings $$, 'TM912', null,
    'clinic_settings: the row cannot be deleted');

select * from finish();
rollback;
