begin;
\ir ../helpers/actors.psql
\ir ../helpers/invariants.psql
select plan(7);

insert into broken (sentence, report, sql, triggers)
values (
    'two slots of a doctor that overlap are reported',
    format('slots_of_a_doctor_never_overlap 2 {%s,ffffffff-ffff-7fff-bfff-ffffffffffff}', :'slot_2'),
    format($$
        alter table app.availability_slots
        drop constraint availability_slots_of_a_doctor_never_overlap;
        insert into app.availability_slots (id, doctor_id, starts_at, ends_at, status)
        values ('ffffffff-ffff-7fff-bfff-ffffffffffff', %L, '2027-01-05 10:29:00+00',
            '2027-01-05 10:59:00+00', 'open') $$, pg_temp.id_of('doctor')),
    true);
insert into broken (sentence, report, sql)
select v.sentence,
    format(v.report, least(:'slot_2', :'slot_3'), greatest(:'slot_2', :'slot_3')),
    format(v.sql, pg_temp.id_of('doctor'))
from (values
    ('slots that are open within time off are reported',
     'no_slot_is_open_within_time_off 2 {%s,%s}',
     $$ insert into app.time_off (doctor_id, starts_at, ends_at)
        values (%L, '2027-01-05 09:45:00+00', '2027-01-05 11:15:00+00') $$),
    ('open slots of a doctor whose account is deactivated are reported',
     'deactivated_doctors_offer_no_slots 2 {%s,%s}',
     'update app.users set deactivated_at = app.clock() where id = %L'))
    as v (sentence, report, sql);
insert into broken (sentence, report, sql)
select v.sentence, 'nothing', format(
    'insert into app.time_off (doctor_id, starts_at, ends_at) values (%L, %L, %L)',
    pg_temp.id_of(v.doctor), v.starts_at, v.ends_at)
from (values
    ('open slots outside time off are not reported', 'doctor', '2027-01-05 16:00:00+00',
     '2027-01-05 17:00:00+00'),
    ('open slots within time off of another doctor are not reported', 'other_doctor',
     '2027-01-05 09:45:00+00', '2027-01-05 11:15:00+00'))
    as v (sentence, doctor, starts_at, ends_at);
insert into broken (sentence, report, sql, traces)
values (
    'a slot with another specialty than its doctor is reported',
    format('slots_have_the_specialty_of_their_doctor 1 {%s}', :'slot_5'),
    format($$
        update app.availability_slots set specialty = 'surgery' where id = %1$L;
        update app.audit_logs set new = new || '{"specialty": "surgery"}' where row_id = %1$L $$,
        :'slot_5'),
    true);

select is(pg_temp.report_on(b.sql, b.triggers, b.traces), b.report, b.sentence)
from broken as b order by b.n;
select is_empty(
    $$ select * from pg_temp.unbroken('app.scheduling_invariants') $$,
    'every invariant of scheduling is broken by a case');

select * from finish();
rollback;
