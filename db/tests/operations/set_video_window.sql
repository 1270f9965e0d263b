begin;
\ir ../helpers/actors.psql
select plan(12);
reset role;

set local role telemed_dba;
select is(
    ops.set_video_window('20 minutes', '1 hour'),
    row(interval '20 minutes', interval '1 hour')::ops.video_windows,
    'set_video_window: it returns lead and grace');
reset role;
select is(
    app.video_window('2027-01-05 09:00+00', '2027-01-05 09:30+00'),
    tstzrange('2027-01-05 08:40+00', '2027-01-05 10:30+00', '[)'),
    'set_video_window: rooms are open from p_lead before the start until p_grace after the end');
select is(
    (l.old ->> 'video_lead' <> l.new ->> 'video_lead',
     l.old ->> 'video_grace' <> l.new ->> 'video_grace'),
    (true, true), 'set_video_window: the audit log has the change')
from app.audit_logs as l where l.table_name = 'clinic_settings' order by l.id desc limit 1;
select is(
    pg_temp.refusal('nobody', format('select ops.set_video_window(%L, %L)', v.lead, v.grace)),
    v.refusal, 'set_video_window: ' || v.sentence)
from (values
    ('-1 second', '0', 'TM201 lead', 'a negative lead is refused'),
    ('24 hours 1 second', '0', 'TM201 lead', 'a lead of more than 24 hours is refused'),
    (null, '0', 'TM201 lead', 'a null lead is refused'),
    ('0', '-1 second', 'TM201 grace', 'a negative grace is refused'),
    ('0', '24 hours 1 second', 'TM201 grace', 'a grace of more than 24 hours is refused'),
    ('0', null, 'TM201 grace', 'a null grace is refused'),
    ('24 hours', '24 hours', null, 'a day before and after is accepted'),
    ('0', '0', null, 'the time of the consultation alone is accepted')
) as v (lead, grace, refusal, sentence);
set local role telemed_api;
select throws_ok(
    $$ select ops.set_video_window('0', '0') $$, '42501', null,
    'set_video_window: the REST API cannot call it');

select * from finish();
rollback;
