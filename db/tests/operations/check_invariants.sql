begin;
\ir ../helpers/actors.psql
select plan(110);

-- A clinic in which something of everything has happened
select pg_temp.open_slot('doctor', '2027-01-05 09:00:00+00') as slot_1 \gset
select pg_temp.open_slot('doctor', '2027-01-05 10:00:00+00') as slot_2 \gset
select pg_temp.open_slot('doctor', '2027-01-05 11:00:00+00') as slot_3 \gset
select pg_temp.open_slot('doctor', '2027-01-05 12:00:00+00') as slot_4 \gset
select pg_temp.open_slot('other_doctor', '2027-01-05 12:00:00+00') as slot_5 \gset
select pg_temp.booking('patient', :'slot_1') as completed \gset
select pg_temp.booking('patient', :'slot_2') as cancelled \gset
select pg_temp.booking('patient', :'slot_3') as moved \gset
select api.reschedule_consultation(:'moved', :'slot_4', 'move') \g /dev/null
select api.cancel_consultation(:'cancelled') \g /dev/null
select pg_temp.booking('other_patient', :'slot_5') as scheduled \gset
-- Who cancels may book the same slot again, and is in no two consultations at once.
select pg_temp.open_slot('other_doctor', '2027-01-05 14:00:00+00') as slot_6 \gset
select pg_temp.booking('patient', :'slot_6') as reconsidered \gset
select api.cancel_consultation(:'reconsidered') \g /dev/null
select pg_temp.booking('patient', :'slot_6') as again \gset
-- So does a doctor who withdraws a slot and offers the time once more.
select pg_temp.open_slot('other_doctor', '2027-01-05 15:00:00+00') as withdrawn \gset
select pg_temp.sign_in('other_doctor');
select api.withdraw_slot(:'withdrawn') \g /dev/null
select pg_temp.open_slot('other_doctor', '2027-01-05 15:00:00+00') as offered_again \gset
select pg_temp.sign_in('doctor');
select api.complete_consultation(:'completed') \g /dev/null
select id as prescription
from api.issue_prescription(:'completed', '[{"drug": "Ibuprofen", "dosage": "400 mg"}]') \gset
select pg_temp.sign_in('admin');
select id as payment
from api.record_payment(:'completed', 5000, 'EUR', 'card', null, null, 'pay') \gset
select id as refund from api.refund_payment(:'payment', 1000, null, 'refund') \gset
select session_id as session, refresh_token
from api.log_in('patient@clinic.test', '$2b$04$' || repeat('a', 53)) \gset
select api.refresh_session(:'refresh_token') \g /dev/null
select pg_temp.sign_in('admin');
set constraints all immediate;
set constraints all deferred;

-- All is well
select is_empty(
    'select * from api.check_invariants() where violations <> 0',
    'in a clinic at work no rule is broken');
select is(
    (select array_agg(name order by ordinality) from api.check_invariants() with ordinality),
    '{a_consultation_has_the_doctor_and_time_of_its_slot,a_prescription_has_at_least_one_item,'
    'a_provider_transaction_is_recorded_once,'
    'a_session_has_at_most_one_unspent_refresh_token,a_slot_has_at_most_one_active_consultation,'
    'a_slot_is_booked_exactly_while_a_consultation_holds_it,'
    'active_consultations_of_a_doctor_never_overlap,'
    'completed_consultations_are_as_they_were_at_completion,'
    'consultations_have_changed_only_as_permitted,deactivated_doctors_offer_no_slots,'
    'doctors_have_the_name_and_the_state_of_their_account,'
    'every_booking_has_its_idempotency_key,every_function_begins_without_a_verified_caller,'
    'every_function_pins_its_search_path,'
    'every_key_has_exactly_one_whole_outcome,every_payment_has_its_idempotency_key,'
    'every_reschedule_has_its_idempotency_key,every_trigger_and_constraint_is_in_force,'
    'every_user_is_complete,logs_are_in_the_partition_of_their_month,'
    'no_function_is_executable_by_public,no_slot_is_open_within_time_off,'
    'no_two_accounts_have_one_email,'
    'payments_never_exceed_the_fee,prescriptions_follow_a_completed_consultation,'
    'refunds_never_exceed_their_payment,scheduled_consultations_of_a_patient_never_overlap,'
    'slots_have_the_specialty_of_their_doctor,slots_of_a_doctor_never_overlap,'
    'texts_have_no_hidden_characters,the_newest_version_of_a_row_has_its_audit_row,what_rests_on_a_second_factor_has_one}',
    'these are the rules: a new one is broken below, too');
select is_empty(
    $$
    select * from api.check_invariants()
    where description is null or violations is null or examples is distinct from '{}'
    $$,
    'each is described, and has no example of a violation');
reset role;
select is(
    (select array_agg(c) from ops.check_invariants() as c),
    (select array_agg(c) from api.check_invariants() as c),
    'a database administrator gets the same report');
select is_empty('select * from app.invariant_violations(null)', 'nothing stands outside the rules');

-- Each rule is broken on purpose, beside its constraints and triggers. What is read here are only
-- the rules that this broke: name, number of violations, examples. What is done in this way leaves
-- no trace either: the rules about traces are looked at apart.
create function pg_temp.broken(p_traces boolean default false)
returns text language sql
as $$
    select coalesce(
        string_agg(concat_ws(' ', name, violations, examples::text), '; ' order by name), 'nothing')
    from ops.check_invariants()
    where violations > 0
      and p_traces = (name = any (
          '{the_newest_version_of_a_row_has_its_audit_row,every_payment_has_its_idempotency_key,'
          'consultations_have_changed_only_as_permitted,every_reschedule_has_its_idempotency_key,'
          'every_trigger_and_constraint_is_in_force,slots_have_the_specialty_of_their_doctor,'
          'doctors_have_the_name_and_the_state_of_their_account,'
          'logs_are_in_the_partition_of_their_month}'))
$$;

create function pg_temp.report_on(p_sql text, p_traces boolean default true)
returns text language plpgsql
as $$
declare
    v_broken text;
begin
    execute p_sql;
    v_broken := pg_temp.broken(p_traces);
    raise exception using message = v_broken, errcode = 'XX999';
exception when sqlstate 'XX999' then
    return v_broken;
end;
$$;

create function pg_temp.broken_entrance(p_body text)
returns text language plpgsql
as $f$
begin
    execute format(
        'create function ops.entrance() returns bigint language plpgsql security definer '
        'set search_path = pg_catalog, pg_temp as %L', p_body);
    revoke execute on function ops.entrance() from public;
    return pg_temp.broken();
end;
$f$;

savepoint intact;
alter table app.availability_slots drop constraint availability_slots_of_a_doctor_never_overlap;
insert into app.availability_slots (doctor_id, starts_at, ends_at, status)
values (pg_temp.id_of('doctor'), '2027-01-05 10:29:00+00', '2027-01-05 10:59:00+00', 'open')
returning id as overlapping \gset
select pg_temp.broken() as broken \gset
rollback to intact;
select is(
    :'broken'::text, format('slots_of_a_doctor_never_overlap 2 {%s,%s}', :'slot_2', :'overlapping'),
    'two slots of a doctor that overlap are reported');

drop index app.consultations_one_per_slot;
alter table app.consultations
disable trigger consultations_have_the_doctor_and_time_of_their_slot;
insert into app.consultations
    (slot_id, doctor_id, patient_id, starts_at, ends_at, fee_minor, currency)
select slot_id, doctor_id, pg_temp.id_of('other_patient'), starts_at, ends_at, 5000, 'EUR'
from app.consultations where id = :'completed'
returning id as second_booking \gset
insert into app.idempotency_keys
    (user_id, operation, key, fingerprint, fingerprint_version, resource_id, response)
values (pg_temp.id_of('other_patient'), 'book_consultation', 'second', sha256(''), 1,
:'second_booking', jsonb_build_object('id', :'second_booking'));
select pg_temp.broken() as broken \gset
rollback to intact;
select is(
    :'broken'::text,
    format('a_slot_has_at_most_one_active_consultation 1 {%s}; '
        'active_consultations_of_a_doctor_never_overlap 2 {%s,%s}',
        :'slot_1', :'completed', :'second_booking'),
    'a slot that two consultations hold is reported');

alter table app.consultations drop constraint consultations_of_a_patient_never_overlap;
alter table app.consultations disable trigger consultations_change_only_as_permitted;
update app.consultations set patient_id = pg_temp.id_of('patient') where id = :'scheduled';
insert into app.idempotency_keys
    (user_id, operation, key, fingerprint, fingerprint_version, resource_id, response)
values (pg_temp.id_of('patient'), 'book_consultation', 'twice', sha256(''), 1, :'scheduled',
jsonb_build_object('id', :'scheduled'));
select pg_temp.broken() as broken \gset
rollback to intact;
select is(
    :'broken'::text,
    format('scheduled_consultations_of_a_patient_never_overlap 2 {%s,%s}',
        :'moved', :'scheduled'),
    'a patient who is in two consultations at once is reported');

set local session_replication_role = replica;
insert into app.time_off (doctor_id, starts_at, ends_at)
values (pg_temp.id_of('doctor'), '2027-01-05 09:45:00+00', '2027-01-05 11:15:00+00');
select pg_temp.broken() as broken \gset
rollback to intact;
select is(
    :'broken'::text,
    format('no_slot_is_open_within_time_off 2 {%s,%s}',
        least(:'slot_2', :'slot_3'), greatest(:'slot_2', :'slot_3')),
    'slots that are open within time off are reported');

set local session_replication_role = replica;
update app.users set deactivated_at = app.clock() where id = pg_temp.id_of('doctor');
select pg_temp.broken() as broken \gset
rollback to intact;
select is(
    :'broken'::text,
    format('deactivated_doctors_offer_no_slots 2 {%s,%s}',
        least(:'slot_2', :'slot_3'), greatest(:'slot_2', :'slot_3')),
    'open slots of a doctor who has left are reported');

set local session_replication_role = replica;
delete from app.profiles where user_id = pg_temp.id_of('admin');
select pg_temp.broken() as broken \gset
rollback to intact;
select is(
    :'broken'::text, format('every_user_is_complete 1 {%s}', pg_temp.id_of('admin')),
    'a user without a profile is reported');

set local session_replication_role = replica;
delete from app.doctors where user_id = pg_temp.id_of('other_doctor');
select pg_temp.broken() as broken \gset
rollback to intact;
select is(
    :'broken'::text, format('every_user_is_complete 1 {%s}', pg_temp.id_of('other_doctor')),
    'a doctor without a practice is reported');

-- Rows from before the domains refused them
create function pg_temp.report_on_old_rows(p_sql text)
returns text language plpgsql
as $$
declare
    v_broken text;
begin
    execute
        'alter domain app.line drop constraint line_has_1_to_200_characters_and_none_hidden;'
        'alter domain app.email drop constraint '
        '    email_has_one_at_sign_and_neither_spaces_nor_hidden_characters;'
        'drop index app.users_email_is_unique_regardless_of_case;'
        'set local session_replication_role = replica;'
        || p_sql;
    execute
        'alter domain app.line add constraint line_has_1_to_200_characters_and_none_hidden '
        'check (app.is_readable(value)) not valid';
    v_broken := pg_temp.broken();
    raise exception using message = v_broken, errcode = 'XX999';
exception when sqlstate 'XX999' then
    return v_broken;
end;
$$;
select is(pg_temp.report_on_old_rows(format(v.sql, v.value, v.id)), v.broken, v.sentence)
from (values
    ('update app.profiles set full_name = %L where user_id = %L', U&'Dr.\202EevE',
     pg_temp.id_of('patient'),
     format('texts_have_no_hidden_characters 1 {"full_name of %s"}', pg_temp.id_of('patient')),
     'a name that turns its text around is reported'),
    ('update app.profiles set full_name = %L where user_id = %L', U&'\200D',
     pg_temp.id_of('patient'),
     format('texts_have_no_hidden_characters 1 {"full_name of %s"}', pg_temp.id_of('patient')),
     'so is one that nobody sees'),
    ('update app.users set email = %L where id = %L', U&'ann\200D@clinic.test',
     pg_temp.id_of('patient'),
     format('texts_have_no_hidden_characters 1 {"email of %s"}', pg_temp.id_of('patient')),
     'an e-mail address with a joiner is reported'),
    ('update app.prescription_items set dosage = %L where prescription_id = %L', U&'400\00ADmg',
     :'prescription'::uuid,
     format('texts_have_no_hidden_characters 1 {"dosage of %s"}', :'prescription'),
     'a dosage with a hidden hyphen is reported'),
    ('update app.payments set provider_reference = %L where id = %L', U&'tx\2060',
     :'payment'::uuid,
     format('texts_have_no_hidden_characters 1 {"provider_reference of %s"}', :'payment'),
     'so is a reference of a provider'),
    ('update app.users set email = %L where id = %L', 'Other_Patient@clinic.test',
     pg_temp.id_of('patient'),
     format('no_two_accounts_have_one_email 2 {%s,%s}',
         least(pg_temp.id_of('patient'), pg_temp.id_of('other_patient')),
         greatest(pg_temp.id_of('patient'), pg_temp.id_of('other_patient'))),
     'two accounts with one address are reported'),
    ('update app.profiles set full_name = %L where user_id = %L', 'नेहा', pg_temp.id_of('patient'),
     'nothing', 'a name in another script is not')
) as v (sql, value, id, broken, sentence);

set local session_replication_role = replica;
update app.consultations set ends_at = ends_at + interval '5 minutes' where id = :'moved';
select pg_temp.broken() as broken_time \gset
rollback to intact;
set local session_replication_role = replica;
update app.consultations set starts_at = starts_at + interval '5 minutes' where id = :'moved';
select pg_temp.broken() as broken_start \gset
rollback to intact;
set local session_replication_role = replica;
update app.consultations set doctor_id = pg_temp.id_of('other_doctor') where id = :'moved';
select pg_temp.broken() as broken_doctor \gset
rollback to intact;
select is(
    v.broken, format('a_consultation_has_the_doctor_and_time_of_its_slot 1 {%s}', :'moved')
        || v.besides,
    v.sentence)
from (values
    (:'broken_time', '', 'a consultation that ends at another time than its slot is reported'),
    (:'broken_start', '', 'so is one that starts at another time'),
    (:'broken_doctor', format('; active_consultations_of_a_doctor_never_overlap 2 {%s,%s}',
        :'moved', :'scheduled'),
     'and one with another doctor, who is busy then')) as v (broken, besides, sentence);

set local session_replication_role = replica;
update app.availability_slots set status = 'booked' where id = :'slot_2';
select pg_temp.broken() as broken_booked \gset
rollback to intact;
set local session_replication_role = replica;
update app.availability_slots set status = 'open' where id = :'slot_1';
select pg_temp.broken() as broken_open \gset
rollback to intact;
set local session_replication_role = replica;
update app.availability_slots set status = 'withdrawn' where id = :'slot_4';
select pg_temp.broken() as broken_withdrawn \gset
rollback to intact;
select is(
    v.broken, format('a_slot_is_booked_exactly_while_a_consultation_holds_it 1 {%s}', v.slot),
    v.sentence)
from (values
    (:'broken_booked', :'slot_2', 'a slot that is booked by nobody is reported'),
    (:'broken_open', :'slot_1', 'so is one that is open while a consultation holds it'),
    (:'broken_withdrawn', :'slot_4', 'and one that is withdrawn under a consultation'))
    as v (broken, slot, sentence);

set local session_replication_role = replica;
delete from app.idempotency_keys
where operation = 'book_consultation' and resource_id = :'cancelled';
select pg_temp.broken() as broken_missing \gset
rollback to intact;
set local session_replication_role = replica;
update app.idempotency_keys set user_id = pg_temp.id_of('other_patient')
where operation = 'book_consultation' and resource_id = :'cancelled';
select pg_temp.broken() as broken_foreign \gset
rollback to intact;
select is(v.broken, format('every_booking_has_its_idempotency_key 1 {%s}', :'cancelled'),
    v.sentence)
from (values
    (:'broken_missing', 'a booking without its key is reported'),
    (:'broken_foreign', 'so is one whose key is somebody else''s')) as v (broken, sentence);

set local session_replication_role = replica;
update app.prescriptions set consultation_id = :'moved' where id = :'prescription';
select pg_temp.broken() as broken \gset
rollback to intact;
select is(
    :'broken'::text, format('prescriptions_follow_a_completed_consultation 1 {%s}',
    :'prescription'),
    'a prescription before its consultation is completed is reported');

set local session_replication_role = replica;
delete from app.prescription_items where prescription_id = :'prescription';
select pg_temp.broken() as broken \gset
rollback to intact;
select is(
    :'broken'::text, format('a_prescription_has_at_least_one_item 1 {%s}', :'prescription'),
    'an empty prescription is reported');

set local session_replication_role = replica;
insert into app.payments (consultation_id, kind, amount_minor, currency, method)
values (:'completed', 'payment', 1001, 'EUR', 'card');
select pg_temp.broken() as broken \gset
rollback to intact;
select is(
    :'broken'::text, format('payments_never_exceed_the_fee 1 {%s}', :'completed'),
    'payments above the fee are reported');
set local session_replication_role = replica;
insert into app.payments (consultation_id, kind, amount_minor, currency, method)
values (:'completed', 'payment', 1000, 'EUR', 'card');
select pg_temp.broken() as broken \gset
rollback to intact;
select is(:'broken'::text, 'nothing', 'payments up to the fee are not');

set local session_replication_role = replica;
insert into app.payments (consultation_id, kind, refunded_payment_id, amount_minor, currency,
method)
values (:'completed', 'refund', :'payment', 4001, 'EUR', 'card');
select pg_temp.broken() as broken \gset
rollback to intact;
select is(
    :'broken'::text, format('refunds_never_exceed_their_payment 1 {%s}', :'payment'),
    'refunds above their payment are reported');
set local session_replication_role = replica;
insert into app.payments (consultation_id, kind, refunded_payment_id, amount_minor, currency,
method)
values (:'completed', 'refund', :'payment', 4000, 'EUR', 'card');
select pg_temp.broken() as broken \gset
rollback to intact;
select is(:'broken'::text, 'nothing', 'refunds up to it are not');

-- Traces
-- What is done to which row, and what is reported of it
create temp table untraced (
    n integer generated always as identity, sentence text, rule text, example text, sql text
) on commit drop;
insert into untraced (sentence, rule, example, sql)
select v.sentence, v.rule, v.example, format(v.sql, v.id)
from (values
    ('a consultation that was changed without a trace is reported',
     'the_newest_version_of_a_row_has_its_audit_row', 'consultations ' || :'moved', :'moved',
     $$ update app.consultations set cancellation_reason = 'x', status = 'cancelled'
        where id = %L $$),
    ('so is a slot', 'the_newest_version_of_a_row_has_its_audit_row',
     'availability_slots ' || :'slot_2', :'slot_2',
     $$ update app.availability_slots set created_at = now() where id = %L $$),
    ('a payment', 'the_newest_version_of_a_row_has_its_audit_row', 'payments ' || :'payment',
     :'payment', $$ update app.payments set method = 'cash' where id = %L $$),
    ('and a prescription', 'the_newest_version_of_a_row_has_its_audit_row',
     'prescriptions ' || :'prescription', :'prescription',
     $$ update app.prescriptions set notes = 'x' where id = %L $$),
    ('a slot whose trail is gone is reported', 'the_newest_version_of_a_row_has_its_audit_row',
     'availability_slots ' || :'slot_2', :'slot_2',
     $$ delete from app.audit_logs where row_id = %L $$),
    ('so is a row whose trail does not name the user',
     'the_newest_version_of_a_row_has_its_audit_row', 'payments ' || :'refund', :'refund',
     $$ update app.audit_logs set user_id = null where row_id = %L $$),
    ('and one whose trail does not name the request',
     'the_newest_version_of_a_row_has_its_audit_row', 'payments ' || :'refund', :'refund',
     $$ update app.audit_logs set request_id = null where row_id = %L $$),
    ('a status that the trail cannot explain is reported',
     'consultations_have_changed_only_as_permitted', :'cancelled', :'cancelled',
     $$ update app.audit_logs set old = old || '{"status": "completed"}'
        where row_id = %L and operation = 'UPDATE' $$),
    ('so is a change that is not permitted',
     'consultations_have_changed_only_as_permitted', :'cancelled', :'cancelled',
     $$ insert into app.audit_logs (table_name, row_id, operation, old, new, user_id, request_id, row_hash)
        select table_name, row_id, operation, new, new || '{"status": "completed"}', user_id,
            request_id, sha256('')
        from app.audit_logs where row_id = %1$L and operation = 'UPDATE';
        insert into app.audit_logs (table_name, row_id, operation, old, new, user_id, request_id, row_hash)
        select table_name, row_id, operation, new, old, user_id, request_id, sha256('')
        from app.audit_logs where row_id = %1$L order by id desc limit 1 $$),
    ('so is a trail in which anything else was altered',
     'consultations_have_changed_only_as_permitted', :'completed', :'completed',
     $$ update app.audit_logs set old = old || '{"reason": "altered"}'
        where row_id = %L and operation = 'UPDATE' $$),
    ('a drug that was altered', 'the_newest_version_of_a_row_has_its_audit_row',
     'prescription_items of ' || :'prescription', :'prescription',
     $$ update app.prescription_items set drug = 'Aspirin' where prescription_id = %L $$),
    ('a reschedule without its key', 'every_reschedule_has_its_idempotency_key', :'moved', 'move',
     $$ delete from app.idempotency_keys where key = %L $$),
    ('a slot under another specialty', 'slots_have_the_specialty_of_their_doctor', :'slot_5',
     :'slot_5',
     $$ update app.availability_slots set specialty = 'surgery' where id = %1$L;
        update app.audit_logs set new = new || '{"specialty": "surgery"}' where row_id = %1$L $$),
    ('a doctor with another name than in the profile',
     'doctors_have_the_name_and_the_state_of_their_account', pg_temp.id_of('doctor')::text,
     pg_temp.id_of('doctor')::text,
     $$ update app.doctors set full_name = 'Somebody Else' where user_id = %L $$),
    ('and one who is shown though the account is closed',
     'doctors_have_the_name_and_the_state_of_their_account', pg_temp.id_of('other_doctor')::text,
     pg_temp.id_of('other_doctor')::text,
     $$ update app.users set deactivated_at = now() where id = %L $$),
    ('a trigger that is disabled', 'every_trigger_and_constraint_is_in_force',
     'payments_stay_within_bounds on app.payments', '',
     'alter table app.payments disable trigger payments_stay_within_bounds %s'),
    ('a constraint that nobody has checked', 'every_trigger_and_constraint_is_in_force',
     'unchecked on app.payments', '',
     'alter table app.payments add constraint unchecked check (true) not valid %s'),
    ('an index that is not used', 'every_trigger_and_constraint_is_in_force',
     'app.payments_by_time', '',
     $$ set local allow_system_table_mods = on;
        update pg_index set indisvalid = false
        where indexrelid = 'app.payments_by_time'::regclass %s $$),
    ('a slot between two changes that was never taken',
     'consultations_have_changed_only_as_permitted', :'moved', :'moved',
     $$ update app.audit_logs set old = old || '{"slot_id": "x"}'
        where row_id = %L and operation = 'UPDATE' $$),
    ('a trail that does not begin with the booking',
     'consultations_have_changed_only_as_permitted', :'cancelled', :'cancelled',
     $$ delete from app.audit_logs where row_id = %L and operation = 'INSERT' $$),
    ('a booking that was there twice',
     'consultations_have_changed_only_as_permitted', :'scheduled', :'scheduled',
     $$ insert into app.audit_logs (table_name, row_id, operation, new, user_id, request_id, row_hash)
        select table_name, row_id, operation, new, user_id, request_id, sha256('')
        from app.audit_logs where row_id = %L $$),
    ('a row of the trail in no month', 'logs_are_in_the_partition_of_their_month',
     'app.audit_logs_default', '',
     $$ insert into app.audit_logs (occurred_at, table_name, row_id, operation, new, row_hash)
        values ('2100-01-01', 'users', 'x%s', 'INSERT', '{}', sha256('')) $$),
    ('and one of the access log', 'logs_are_in_the_partition_of_their_month',
     'app.access_logs_default', '',
     $$ insert into app.access_logs (occurred_at, kind, operation, resource_ids)
        values ('2100-01-01', 'read', 'x%s', '{}') $$),
    ('a trail of nothing', 'consultations_have_changed_only_as_permitted',
     '00000000-0000-7000-8000-000000000000', '00000000-0000-7000-8000-000000000000',
     $$ insert into app.audit_logs (table_name, row_id, operation, new, row_hash)
        values ('consultations', %L, 'INSERT', '{"status": "scheduled"}', sha256('')) $$),
    ('a payment without its key', 'every_payment_has_its_idempotency_key', :'payment', :'payment',
     $$ delete from app.idempotency_keys where resource_id = %L $$),
    ('and a refund without its key', 'every_payment_has_its_idempotency_key', :'refund', :'refund',
     $$ delete from app.idempotency_keys where resource_id = %L $$))
    as v (sentence, rule, example, id, sql);
set local session_replication_role = replica;
select is(
    pg_temp.report_on(u.sql),
    concat_ws(' ', u.rule, 1, array[u.example]::text), u.sentence)
from untraced as u order by u.n;
select is(
    pg_temp.report_on(format(
        'update app.audit_logs set %I = null where table_name = %L and row_id = %L',
        c.name, t.name, t.id)),
    format('the_newest_version_of_a_row_has_its_audit_row 1 {"%s %s"}', t.name, t.id),
    format('no row of %s is without its %s', t.name, c.name))
from (values
    ('consultations', :'moved'), ('availability_slots', :'slot_2'), ('payments', :'payment'),
    ('prescriptions', :'prescription')) as t (name, id)
cross join unnest('{user_id,request_id}'::text[]) as c (name);
rollback to intact;

-- Digests
set local session_replication_role = replica;
update app.consultations set notes = 'Something else' where id = :'completed';
select pg_temp.broken() as broken_notes \gset
rollback to intact;
set local session_replication_role = replica;
update app.consultations set fee_minor = 1 where id = :'completed';
select pg_temp.broken() as broken_fee \gset
rollback to intact;
select is(
    v.broken, format('completed_consultations_are_as_they_were_at_completion 1 {%s}', :'completed')
        || v.besides,
    v.sentence)
from (values
    (:'broken_notes', '', 'notes that were changed after completion are reported'),
    (:'broken_fee', format('; payments_never_exceed_the_fee 1 {%s}', :'completed'),
     'so is a fee')) as v (broken, besides, sentence);

-- Keys
alter table app.idempotency_keys drop constraint idempotency_keys_have_exactly_one_outcome;
set local session_replication_role = replica;
update app.idempotency_keys set refusal_code = 'TM901', refusal_message = 'No' where key = 'pay';
select pg_temp.broken() as broken_two \gset
rollback to intact;
alter table app.idempotency_keys drop constraint idempotency_keys_have_exactly_one_outcome;
set local session_replication_role = replica;
update app.idempotency_keys set response = null where key = 'pay';
select pg_temp.broken() as broken_none \gset
rollback to intact;
set local session_replication_role = replica;
update app.idempotency_keys set response = response || '{"id": "x"}' where key = 'pay';
select pg_temp.broken() as broken_other \gset
rollback to intact;
select is(
    v.broken, format('every_key_has_exactly_one_whole_outcome 1 {%s/%s/pay}',
        pg_temp.id_of('admin'), v.operation), v.sentence)
from (values
    (:'broken_two', 'record_payment', 'a key with an answer and a refusal is reported'),
    (:'broken_none', 'record_payment', 'so is one with neither'),
    (:'broken_other', 'record_payment', 'and one whose answer is about something else'))
    as v (broken, operation, sentence);
set local session_replication_role = replica;
select is(
    pg_temp.report_on(
        format(
            $$ update app.idempotency_keys
               set operation = %1$L, resource_id = '%2$s', response = '{"id": "%2$s"}'
               where key = 'pay' $$, v.operation, pg_temp.id_of('admin')),
        false),
    format('every_key_has_exactly_one_whole_outcome 1 {%s/%s/pay}',
        pg_temp.id_of('admin'), v.operation),
    format('a key of %s whose answer is about nothing is reported', v.operation))
from unnest('{onboard_doctor,publish_slot,record_payment,refund_payment,issue_prescription,'
    'complete_consultation}'::text[]) as v (operation);
rollback to intact;

-- Functions
grant execute on function app.clock() to public;
select pg_temp.broken() as broken \gset
rollback to intact;
select is(
    :'broken'::text, 'no_function_is_executable_by_public 1 {app.clock()}',
    'a function that everybody may execute is reported');
alter function app.clock() reset search_path;
select pg_temp.broken() as broken_none \gset
rollback to intact;
alter function app.clock() set search_path = pg_catalog;
select pg_temp.broken() as broken_open \gset
rollback to intact;
select is(v.broken, 'every_function_pins_its_search_path 1 {app.clock()}', v.sentence)
from (values
    (:'broken_none', 'a function without a pinned search_path is reported'),
    (:'broken_open', 'so is one that looks at temporary tables first')) as v (broken, sentence);

-- A provider's transaction that was recorded twice: the newer row is looked at, too
drop index app.payments_of_a_provider_are_recorded_once;
select pg_temp.sign_in('admin');
select id as twice
from api.record_payment(:'scheduled', 100, 'EUR', 'card', 'tx', 'acme', 'once') \gset
alter table app.payments disable trigger payments_are_append_only;
update app.payments set provider = 'acme', provider_reference = 'tx' where id = :'payment';
alter table app.payments enable trigger payments_are_append_only;
select array_to_string(examples, ',') as broken from ops.check_invariants()
where name = 'a_provider_transaction_is_recorded_once' and violations = 2 \gset
rollback to intact;
select is(
    :'broken'::text, (select string_agg(id, ',' order by id) from unnest(array[:'payment', :'twice']) as id),
    'a transaction that is recorded twice is reported');

-- A function that trusts what the client has set; the careful one beside it is not reported.
select pg_temp.broken_entrance('begin return (select count(*) from app.users); end') as broken_from
\gset
rollback to intact;
select pg_temp.broken_entrance(
    'declare n bigint := app.payable_minor(null); begin perform app.forget_actor(); return n; end')
as broken_declare \gset
rollback to intact;
select pg_temp.broken_entrance('begin return 1; end -- app.forget_actor()') as broken_none \gset
rollback to intact;
select coalesce(
    pg_temp.broken_entrance('begin perform app.forget_actor(); return 1; end'), 'nothing') as unbroken
\gset
rollback to intact;
select is(
    v.broken, 'every_function_begins_without_a_verified_caller 1 {ops.entrance()}', v.sentence)
from (values
    (:'broken_from', 'a function that reads before it verifies the caller is reported'),
    (:'broken_declare', 'so is one that declares a value by a function of ours first'),
    (:'broken_none', 'and one that never verifies the caller')) as v (broken, sentence);
select is(:'unbroken'::text, 'nothing', 'a function that forgets the caller first is not reported');

drop index app.refresh_tokens_one_unspent_per_session;
alter table app.refresh_tokens disable trigger refresh_tokens_are_spent_once;
update app.refresh_tokens set spent_at = null;
select pg_temp.broken() as broken \gset
rollback to intact;
select is(
    :'broken'::text, format('a_session_has_at_most_one_unspent_refresh_token 1 {%s}', :'session'),
    'a session with two tokens that can be used is reported');

select app.issue_recovery_codes(pg_temp.id_of('other_patient')) \g /dev/null
select pg_temp.broken() as broken \gset
rollback to intact;
select is(
    :'broken'::text,
    format('what_rests_on_a_second_factor_has_one 1 {%s}', pg_temp.id_of('other_patient')),
    'recovery codes without a second factor are reported');
select app.issue_recovery_codes(pg_temp.id_of('other_patient')) \g /dev/null
set local session_replication_role = replica;
update app.recovery_codes set spent_at = app.clock();
select pg_temp.broken() as broken \gset
rollback to intact;
select is(:'broken'::text, 'nothing', 'but not those that are spent');
update app.sessions set second_factor_at = app.clock() where id = :'session';
select pg_temp.broken() as broken \gset
rollback to intact;
select is(
    :'broken'::text,
    format('what_rests_on_a_second_factor_has_one 1 {%s}', pg_temp.id_of('patient')),
    'so is a session that says it had one');

-- Only what is new
select app.first_id_since(null) = '00000000-0000-7000-8000-000000000000' as of_all,
    app.first_id_since(clock_timestamp() + interval '1 minute') >= app.uuid_v7() as is_above,
    app.first_id_since(clock_timestamp() - interval '1 minute') <= app.uuid_v7() as is_below \gset
select is(:'of_all'::boolean, true, 'ids begin somewhere');
select is(:'is_above'::boolean and :'is_below'::boolean, true,
    'ids made later are larger, ids made before are smaller');
set local session_replication_role = replica;
delete from app.prescription_items where prescription_id = :'prescription';
update app.consultations set notes = 'Something else' where id = :'completed';
select string_agg(name, ' ' order by name) as since_then
from ops.check_invariants(clock_timestamp() - interval '1 hour') where violations > 0 \gset
select count(*) as since_now
from ops.check_invariants(clock_timestamp() + interval '1 hour') where violations > 0 \gset
rollback to intact;
select is(
    :'since_then'::text,
    'a_prescription_has_at_least_one_item completed_consultations_are_as_they_were_at_completion '
    'the_newest_version_of_a_row_has_its_audit_row', 'what was made since then is looked at');
select is(:since_now, 0, 'what is older is not');

select pg_sleep(0.002), clock_timestamp() as between, pg_sleep(0.002) \gset
set local session_replication_role = replica;
insert into app.time_off (doctor_id, starts_at, ends_at)
values (pg_temp.id_of('doctor'), '2027-01-05 09:45:00+00', '2027-01-05 11:15:00+00');
select string_agg(concat_ws(' ', name, violations), '; ') as since_then
from ops.check_invariants(:'between') where violations > 0 \gset
rollback to intact;
select is(
    :'since_then'::text, 'no_slot_is_open_within_time_off 2',
    'what is new is compared with what is older');

-- What was made under another clock, as demo data are
select pg_temp.set_clock('2020-01-01 08:00:00+00');
select pg_temp.open_slot('doctor', '2020-01-02 09:00:00+00') as old_slot \gset
set local role telemed_api;
select pg_temp.booking('patient', :'old_slot') as old \gset
select pg_temp.sign_in('admin');
select api.record_payment(:'old', 100, 'EUR', 'card', null, null, 'old') \g /dev/null
reset role;
select coalesce(string_agg(name, ' '), 'nothing') as wrong
from ops.check_invariants(clock_timestamp() - interval '1 hour') where violations > 0 \gset
rollback to intact;
select is(:'wrong'::text, 'nothing', 'keys have the time of what was made under them');
select pg_temp.set_clock('2020-01-01 08:00:00+00');
set local role telemed_api;
select pg_temp.sign_in('admin');
select api.record_payment(:'scheduled', 100, 'EUR', 'card', null, null, 'early') \g /dev/null
reset role;
select pg_temp.set_clock('2027-01-04 08:00:00+00');
set local role telemed_api;
select api.record_payment(:'scheduled', 100, 'EUR', 'card', null, null, 'late') \g /dev/null
reset role;
select coalesce(string_agg(name, ' '), 'nothing') as wrong
from ops.check_invariants(clock_timestamp() - interval '1 hour') where violations > 0 \gset
rollback to intact;
select is(:'wrong'::text, 'nothing', 'be it the earliest payment');

-- Many violations
set local session_replication_role = replica;
insert into app.prescriptions (consultation_id)
select :'completed' from generate_series(1, 7);
select violations, cardinality(examples) as examples,
    examples = (array(select p.id::text from app.prescriptions as p
        where p.id <> :'prescription' order by p.id::text))[1:5] as are_ids
from ops.check_invariants() where name = 'a_prescription_has_at_least_one_item' \gset
rollback to intact;
select is(:violations, 7, 'all violations are counted');
select is(:examples, 5, 'five examples are given');
select is(:'are_ids'::boolean, true, 'they are ids of what is broken');
select is(pg_temp.broken(), 'nothing', 'and all is well again');

-- Who
set local role telemed_dba;
select lives_ok('select ops.check_invariants()', 'a database administrator may ask');
select is(
    sum(violations), 0::numeric, 'nothing is wrong with what is made after the end of time')
from ops.check_invariants('infinity');
set local role telemed_auditor;
select throws_ok('select ops.check_invariants()', '42501', null, 'an auditor may not');
set local role telemed_api;
select throws_ok('select ops.check_invariants()', '42501', null, 'nor may the REST API');
select pg_temp.sign_in('admin');
select lives_ok('select api.check_invariants()', 'but through it an admin may');
select pg_temp.sign_in('doctor');
select throws_ok('select api.check_invariants()', 'TM301', null, 'a doctor may not');
select pg_temp.sign_in('patient');
select throws_ok('select api.check_invariants()', 'TM301', null, 'nor may a patient');
select pg_temp.sign_in('nobody');
select throws_ok('select api.check_invariants()', 'TM101', null, 'nor may nobody');
reset role;
update app.users set deactivated_at = app.clock() where id = pg_temp.id_of('admin');
set local role telemed_api;
select pg_temp.sign_in('admin');
select throws_ok('select api.check_invariants()', 'TM102', null, 'nor may an admin who has left');

select * from finish();
rollback;
