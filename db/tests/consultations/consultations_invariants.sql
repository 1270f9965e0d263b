begin;
\ir ../helpers/actors.psql
\ir ../helpers/invariants.psql
select plan(18);

insert into broken (sentence, report, sql, triggers)
values
(
    'a slot that two consultations hold is reported',
    format('a_slot_has_at_most_one_active_consultation 1 {%s}; '
        'active_consultations_of_a_doctor_never_overlap 2 {%s,ffffffff-ffff-7fff-bfff-ffffffffffff}',
        :'slot_1', :'completed'),
    format($$
        drop index app.consultations_one_per_slot;
        alter table app.consultations
        disable trigger consultations_have_the_doctor_and_time_of_their_slot;
        insert into app.consultations
            (id, slot_id, doctor_id, patient_id, starts_at, ends_at, fee_minor, currency)
        select 'ffffffff-ffff-7fff-bfff-ffffffffffff', slot_id, doctor_id, %1$L, starts_at, ends_at,
            5000, 'EUR'
        from app.consultations where id = %2$L;
        insert into app.idempotency_keys
            (user_id, operation, key, fingerprint, fingerprint_version, resource_id, response)
        values (%1$L, 'book_consultation', 'second', sha256(''), 1,
            'ffffffff-ffff-7fff-bfff-ffffffffffff', '{"id": "ffffffff-ffff-7fff-bfff-ffffffffffff"}') $$,
        pg_temp.id_of('other_patient'), :'completed'),
    true),
(
    'two scheduled consultations of a patient at the same time are reported',
    format('scheduled_consultations_of_a_patient_never_overlap 2 {%s,%s}', :'moved', :'scheduled'),
    format($$
        alter table app.consultations drop constraint consultations_of_a_patient_never_overlap;
        alter table app.consultations disable trigger consultations_change_only_as_permitted;
        update app.consultations set patient_id = %1$L where id = %2$L;
        insert into app.idempotency_keys
            (user_id, operation, key, fingerprint, fingerprint_version, resource_id, response)
        values (%1$L, 'book_consultation', 'twice', sha256(''), 1, %2$L,
            jsonb_build_object('id', %2$L)) $$,
        pg_temp.id_of('patient'), :'scheduled'),
    true);

insert into broken (sentence, report, sql)
select v.sentence, v.report, format(v.sql, v.id)
from (values
    ('a consultation that ends at another time than its slot is reported',
     format('a_consultation_has_the_doctor_and_time_of_its_slot 1 {%s}', :'moved'),
     'update app.consultations set ends_at = ends_at + interval ''5 minutes'' where id = %L',
     :'moved'),
    ('a consultation that starts at another time than its slot is reported',
     format('a_consultation_has_the_doctor_and_time_of_its_slot 1 {%s}', :'moved'),
     'update app.consultations set starts_at = starts_at + interval ''5 minutes'' where id = %L',
     :'moved'),
    ('a consultation with another doctor than its slot, who is busy then, is reported',
     format('a_consultation_has_the_doctor_and_time_of_its_slot 1 {%s}; '
         'active_consultations_of_a_doctor_never_overlap 2 {%s,%s}',
         :'moved', :'moved', :'scheduled'),
     format('update app.consultations set doctor_id = %L where id = %%L',
         pg_temp.id_of('other_doctor')), :'moved'),
    ('a booked slot without a consultation is reported',
     format('a_slot_is_booked_exactly_while_a_consultation_holds_it 1 {%s}', :'slot_2'),
     'update app.availability_slots set status = ''booked'' where id = %L', :'slot_2'),
    ('an open slot that a consultation holds is reported',
     format('a_slot_is_booked_exactly_while_a_consultation_holds_it 1 {%s}', :'slot_1'),
     'update app.availability_slots set status = ''open'' where id = %L', :'slot_1'),
    ('a withdrawn slot that a consultation holds is reported',
     format('a_slot_is_booked_exactly_while_a_consultation_holds_it 1 {%s}', :'slot_4'),
     'update app.availability_slots set status = ''withdrawn'' where id = %L', :'slot_4'),
    ('notes that were changed after completion are reported',
     format('completed_consultations_are_as_they_were_at_completion 1 {%s}', :'completed'),
     'update app.consultations set notes = ''Something else'' where id = %L', :'completed'),
    ('a fee that was changed after completion is reported',
     format('completed_consultations_are_as_they_were_at_completion 1 {%s}; '
         'payments_never_exceed_the_fee 1 {%s}', :'completed', :'completed'),
     'update app.consultations set fee_minor = 1 where id = %L', :'completed'))
    as v (sentence, report, sql, id);

insert into broken (sentence, report, sql, traces)
select v.sentence, format('consultations_have_changed_only_as_permitted 1 {%s}', v.id),
    format(v.sql, v.id), true
from (values
    ('a status that the audit log cannot explain is reported', :'cancelled',
     $$ update app.audit_logs set old = old || '{"status": "completed"}'
        where row_id = %L and operation = 'UPDATE' $$),
    ('a change of status that is not permitted is reported', :'cancelled',
     $$ insert into app.audit_logs (table_name, row_id, operation, old, new, user_id, request_id, row_hash)
        select table_name, row_id, operation, new, new || '{"status": "completed"}', user_id,
            request_id, sha256('')
        from app.audit_logs where row_id = %1$L and operation = 'UPDATE';
        insert into app.audit_logs (table_name, row_id, operation, old, new, user_id, request_id, row_hash)
        select table_name, row_id, operation, new, old, user_id, request_id, sha256('')
        from app.audit_logs where row_id = %1$L order by id desc limit 1 $$),
    ('an audit row with another reason than the row before it is reported', :'completed',
     $$ update app.audit_logs set old = old || '{"reason": "altered"}'
        where row_id = %L and operation = 'UPDATE' $$),
    ('an audit row with another slot than the row before it is reported', :'moved',
     $$ update app.audit_logs set old = old || '{"slot_id": "x"}'
        where row_id = %L and operation = 'UPDATE' $$),
    ('an audit log that does not begin with the booking is reported', :'cancelled',
     $$ delete from app.audit_logs where row_id = %L and operation = 'INSERT' $$),
    ('a booking with two audit rows is reported', :'scheduled',
     $$ insert into app.audit_logs (table_name, row_id, operation, new, user_id, request_id, row_hash)
        select table_name, row_id, operation, new, user_id, request_id, sha256('')
        from app.audit_logs where row_id = %L $$),
    ('an audit row of a consultation that does not exist is reported',
     '00000000-0000-7000-8000-000000000000',
     $$ insert into app.audit_logs (table_name, row_id, operation, new, row_hash)
        values ('consultations', %L, 'INSERT', '{"status": "scheduled"}', sha256('')) $$))
    as v (sentence, id, sql);

select is(pg_temp.report_on(b.sql, b.triggers, b.traces), b.report, b.sentence)
from broken as b order by b.n;
select is_empty(
    $$ select * from pg_temp.unbroken('app.consultations_invariants') $$,
    'every invariant of consultations is broken by a case');

select * from finish();
rollback;
