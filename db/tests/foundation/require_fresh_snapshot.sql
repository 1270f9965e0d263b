-- How each kind of transaction is answered. Outside a test's transaction, because a transaction
-- cannot change its kind; what is made here ends with the connection.
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
select plan(29);
reset role;

select is(v.answer, v.expected, v.sentence)
from (values
    (:'read_committed', 'welcome', 'each statement of a transaction sees what was committed'),
    (:'read_uncommitted', 'welcome', 'in PostgreSQL the weakest kind of transaction is the same'),
    (pg_temp.answer(), 'TM208', 'a transaction that sees the clinic as it was is refused'),
    (:'serializable', 'TM208', 'so is one that is serializable')
) as v (answer, expected, sentence);

-- This transaction is REPEATABLE READ. What there is in the clinic is written past the triggers.
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

-- What looks at sums, at overlaps or at who is away
select is(pg_temp.refusal(v.actor, v.statement), 'TM208', v.sentence)
from (values
    ('admin', format('select api.record_payment(%L, 1000, ''EUR'', ''card'', null, null, ''pay'')',
        :'booking'), 'then no payment is recorded'),
    ('admin', format('select api.refund_payment(%L, 1000, null, ''refund'')', :'payment'),
     'nobody is paid back'),
    ('doctor', 'select api.publish_slot(''2027-02-01 09:00+00'', ''2027-02-01 10:00+00'')',
     'no slot is offered'),
    ('doctor', 'select api.publish_weekly_slots('
        '''2027-02-01'', ''2027-02-07'', ''{1}'', ''09:00'', ''10:00'', 30)',
     'no hours are published'),
    ('doctor', 'select api.take_time_off(''2027-02-01 09:00+00'', ''2027-02-01 10:00+00'')',
     'no time off is taken'),
    ('patient', format('select api.cancel_consultation(%L)', :'booking'),
     'no consultation is cancelled'),
    ('patient', format('select api.reschedule_consultation(%L, %L, ''move'')',
        :'booking', :'open_slot'),
     'nor moved')
) as v (actor, statement, sentence);
reset role;
select is(pg_temp.refusal('nobody', v.statement), 'TM208', v.sentence)
from (values
    (format('insert into app.payments (consultation_id, kind, amount_minor, currency, method) '
        'values (%L, ''payment'', 1, ''EUR'', ''card'')', :'booking'),
     'past the functions no payment is written either'),
    (format('insert into app.availability_slots (doctor_id, starts_at, ends_at) '
        'values (%L, ''2027-02-01 09:00+00'', ''2027-02-01 10:00+00'')', pg_temp.id_of('doctor')),
     'nor a slot'),
    (format('insert into app.time_off (doctor_id, starts_at, ends_at) '
        'values (%L, ''2027-02-01 09:00+00'', ''2027-02-01 10:00+00'')', pg_temp.id_of('doctor')),
     'nor time off'),
    (format('update app.consultations set status = ''cancelled'' where id = %L', :'booking'),
     'nor a cancellation'),
    (format('update app.users set deactivated_at = app.clock() where id = %L',
        pg_temp.id_of('doctor')),
     'no doctor is deactivated, whose newest slots might be overlooked'),
    (format('update app.doctors set specialty = ''Surgery'' where user_id = %L',
        pg_temp.id_of('doctor')),
     'and none changes the specialty')
) as v (statement, sentence);
select collect_tap(
    is((select count(*) from app.payments), 1::bigint, 'nothing of this left a payment'),
    is((select count(*) from app.availability_slots where status = 'open'), 2::bigint, 'or a slot'),
    is((select count(*) from app.time_off), 0::bigint, 'or time off'),
    is((select status from app.consultations), 'scheduled', 'or a consultation that is over'),
    is((select count(*) from app.idempotency_keys), 0::bigint, 'and no key is spent'));

-- What rests on one row or on a constraint
set local role telemed_api;
select is(pg_temp.refusal(v.actor, v.statement), null, v.sentence)
from (values
    ('other_patient', format('select api.book_consultation(%L, null, ''book'')', :'open_slot'),
     'a slot is booked all the same'),
    ('doctor', format('select api.withdraw_slot(%L)', :'third_slot'), 'one is withdrawn'),
    ('doctor', format('select api.complete_consultation(%L)', :'booking'),
     'a consultation is completed'),
    ('patient', 'select api.update_my_profile(''Another Name'')', 'a profile is changed'),
    ('admin', 'select api.check_invariants()', 'the rules are checked'),
    ('admin', 'select api.clinic_analytics('
        '''2027-01-01 00:00+00'', ''2027-02-01 00:00+00'')', 'and the clinic counted')
) as v (actor, statement, sentence);
reset role;
select is(s.status, 'booked', 'the slot that was booked is marked so')
from app.availability_slots as s where s.id = :'open_slot';

select * from finish();
rollback;
