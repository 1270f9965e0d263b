-- The answer for each isolation level. Outside the test's transaction, because a transaction cannot
-- change its level; temporary objects end with the connection.
set client_min_messages = warning;
create function pg_temp.answer()
returns text language plpgsql
as $$
begin
    perform app.require_fresh_snapshot();
    return 'welcome';
exception when others then
    return sqlstate;
end;
$$;
begin isolation level read uncommitted;
select pg_temp.answer() as read_uncommitted \gset
rollback;
begin isolation level read committed;
select pg_temp.answer() as read_committed \gset
rollback;
begin isolation level serializable;
select pg_temp.answer() as serializable \gset
rollback;

begin isolation level repeatable read;
\ir ../helpers/actors.psql
select plan(30);
reset role;

select is(v.answer, v.expected, v.sentence)
from (values
    (:'read_committed', 'welcome', 'require_fresh_snapshot: READ COMMITTED is accepted'),
    (:'read_uncommitted', 'welcome',
     'require_fresh_snapshot: READ UNCOMMITTED, the same in PostgreSQL, is accepted'),
    (pg_temp.answer(), 'TM208', 'require_fresh_snapshot: REPEATABLE READ is refused'),
    (:'serializable', 'TM208', 'require_fresh_snapshot: SERIALIZABLE is refused')
) as v (answer, expected, sentence);

-- This transaction is REPEATABLE READ, so the fixtures are written without triggers.
set local session_replication_role = replica;
insert into app.availability_slots (doctor_id, starts_at, ends_at, specialty, status)
select
    pg_temp.id_of('doctor'), h, h + interval '30 minutes', 'cardiology',
    case extract(hour from h) when 9 then 'booked' else 'open' end
from generate_series(
    timestamptz '2027-01-05 09:00+00', timestamptz '2027-01-05 11:00+00', interval '1 hour') as h;
select
    (array_agg(s.id order by s.starts_at))[1] as booked_slot,
    (array_agg(s.id order by s.starts_at))[2] as open_slot,
    (array_agg(s.id order by s.starts_at))[3] as third_slot
from app.availability_slots as s \gset
insert into app.consultations
    (slot_id, doctor_id, patient_id, starts_at, ends_at, fee_minor, currency)
select s.id, s.doctor_id, pg_temp.id_of('patient'), s.starts_at, s.ends_at, 5000, 'EUR'
from app.availability_slots as s where s.id = :'booked_slot'
returning id as booking \gset
insert into app.payments (consultation_id, kind, amount_minor, currency, method)
values (:'booking', 'payment', 1000, 'EUR', 'card')
returning id as payment \gset
set local session_replication_role = origin;
set local role telemed_api;

-- Refused: checks of sums, overlaps and deactivated doctors
select is(pg_temp.refusal(v.actor, v.statement), 'TM208', v.sentence)
from (values
    ('admin', format('select api.record_payment(%L, 1000, ''EUR'', ''card'', null, null, ''pay'')',
        :'booking'), 'require_fresh_snapshot: record_payment is refused in REPEATABLE READ'),
    ('admin', format('select api.refund_payment(%L, 1000, null, ''refund'')', :'payment'),
     'require_fresh_snapshot: refund_payment is refused in REPEATABLE READ'),
    ('doctor', 'select api.publish_slot(''2027-02-01 09:00+00'', ''2027-02-01 10:00+00'')',
     'require_fresh_snapshot: publish_slot is refused in REPEATABLE READ'),
    ('doctor', 'select api.publish_weekly_slots('
        '''2027-02-01'', ''2027-02-07'', ''{1}'', ''09:00'', ''10:00'', 30)',
     'require_fresh_snapshot: publish_weekly_slots is refused in REPEATABLE READ'),
    ('doctor', 'select api.take_time_off(''2027-02-01 09:00+00'', ''2027-02-01 10:00+00'')',
     'require_fresh_snapshot: take_time_off is refused in REPEATABLE READ'),
    ('patient', format('select api.cancel_consultation(%L)', :'booking'),
     'require_fresh_snapshot: cancel_consultation is refused in REPEATABLE READ'),
    ('patient', format('select api.reschedule_consultation(%L, %L, ''move'')',
        :'booking', :'open_slot'),
     'require_fresh_snapshot: reschedule_consultation is refused in REPEATABLE READ')
) as v (actor, statement, sentence);
reset role;
select is(pg_temp.refusal('nobody', v.statement), 'TM208', v.sentence)
from (values
    (format('insert into app.payments (consultation_id, kind, amount_minor, currency, method) '
        'values (%L, ''payment'', 1, ''EUR'', ''card'')', :'booking'),
     'require_fresh_snapshot: a direct insert of a payment is refused in REPEATABLE READ'),
    (format('insert into app.availability_slots (doctor_id, starts_at, ends_at) '
        'values (%L, ''2027-02-01 09:00+00'', ''2027-02-01 10:00+00'')', pg_temp.id_of('doctor')),
     'require_fresh_snapshot: a direct insert of a slot is refused in REPEATABLE READ'),
    (format('insert into app.time_off (doctor_id, starts_at, ends_at) '
        'values (%L, ''2027-02-01 09:00+00'', ''2027-02-01 10:00+00'')', pg_temp.id_of('doctor')),
     'require_fresh_snapshot: a direct insert of time off is refused in REPEATABLE READ'),
    (format('update app.consultations set status = ''cancelled'' where id = %L', :'booking'),
     'require_fresh_snapshot: a direct cancellation is refused in REPEATABLE READ'),
    (format('update app.users set deactivated_at = app.clock() where id = %L',
        pg_temp.id_of('doctor')),
     'require_fresh_snapshot: a direct deactivation of a doctor is refused in REPEATABLE READ'),
    (format('update app.doctors set specialty = ''Surgery'' where user_id = %L',
        pg_temp.id_of('doctor')),
     'require_fresh_snapshot: a direct update of a specialty is refused in REPEATABLE READ'),
    ('select work.hold_message(gen_random_uuid(), 1)',
     'require_fresh_snapshot: hold_message is refused in REPEATABLE READ')
) as v (statement, sentence);
select collect_tap(
    is((select count(*) from app.payments), 1::bigint,
        'require_fresh_snapshot: the refused calls leave no payment'),
    is((select count(*) from app.availability_slots where status = 'open'), 2::bigint,
        'require_fresh_snapshot: the refused calls leave no slot'),
    is((select count(*) from app.time_off), 0::bigint,
        'require_fresh_snapshot: the refused calls leave no time off'),
    is((select status from app.consultations), 'scheduled',
        'require_fresh_snapshot: the refused calls leave the consultation scheduled'),
    is((select count(*) from app.idempotency_keys), 0::bigint,
        'require_fresh_snapshot: the refused calls spend no idempotency key'));

-- Accepted: checks of one row or by a constraint
set local role telemed_api;
select is(pg_temp.refusal(v.actor, v.statement), null, v.sentence)
from (values
    ('other_patient', format('select api.book_consultation(%L, null, ''book'')', :'open_slot'),
     'require_fresh_snapshot: book_consultation works in REPEATABLE READ'),
    ('doctor', format('select api.withdraw_slot(%L)', :'third_slot'),
     'require_fresh_snapshot: withdraw_slot works in REPEATABLE READ'),
    ('doctor', format('select api.complete_consultation(%L)', :'booking'),
     'require_fresh_snapshot: complete_consultation works in REPEATABLE READ'),
    ('patient', 'select api.update_my_profile(''Another Name'', p_versions => ''{*}'')',
     'require_fresh_snapshot: update_my_profile works in REPEATABLE READ'),
    ('admin', 'select api.check_invariants()',
     'require_fresh_snapshot: check_invariants works in REPEATABLE READ'),
    ('admin', 'select api.clinic_analytics('
        '''2027-01-01 00:00+00'', ''2027-02-01 00:00+00'')',
     'require_fresh_snapshot: clinic_analytics works in REPEATABLE READ')
) as v (actor, statement, sentence);
reset role;
select is(s.status, 'booked',
    'require_fresh_snapshot: the slot that was booked in REPEATABLE READ has the status booked')
from app.availability_slots as s where s.id = :'open_slot';

select * from finish();
rollback;
