begin;
\ir ../helpers/actors.psql
\ir ../helpers/messages.psql
select plan(18);
reset role;

-- The messages of the newest event: kind, channel, recipient and time, in this order.
create function pg_temp.messages_of_newest()
returns text[] language sql
as $$
    select array_agg(
        format('%s %s %s %s', m.kind, m.channel, a.name, to_char(m.send_at, 'DD HH24:MI'))
        order by m.kind, m.channel, a.name)
    from app.messages as m
    inner join actor as a on a.id = m.user_id
    where m.event_id = (select max(e.id) from app.events as e where e.type !~ '^slot')
$$;

select pg_temp.open_slot('doctor', '2027-01-06 09:00:00+00') as slot_1 \gset
select pg_temp.open_slot('doctor', '2027-01-07 09:00:00+00') as slot_2 \gset
select pg_temp.booking('patient', :'slot_1') as consultation \gset
select pg_temp.dispatch();
select is(pg_temp.messages_of_newest(),
    array['booked email doctor 04 08:00', 'booked email patient 04 08:00',
        'reminder_1h email patient 06 08:00', 'reminder_24h email patient 05 09:00'],
    'add_messages_of_event: a booking leads to messages to both, and to two reminders');
select is(m.starts_at::timestamptz, '2027-01-06 09:00:00+00',
    'add_messages_of_event: the message has the start that it names')
from app.messages as m where m.id = pg_temp.message('patient', 'booked');

-- Repetition
select count(*) as messages from app.messages \gset
select count(*) as jobs from job where task_name = 'send_message' \gset
select is(:'jobs'::bigint, :'messages'::bigint, 'add_messages_of_event: each message has a job');
select pg_temp.dispatch();
select is(count(*), :'messages'::bigint, 'add_messages_of_event: a repetition adds no message')
from app.messages;
select is(count(*), :'jobs'::bigint, 'add_messages_of_event: a repetition enqueues no job')
from job where task_name = 'send_message';
select is(j.scheduled_at, '2027-01-05 09:00:00+00',
    'add_messages_of_event: the job of a reminder is due when the reminder is')
from job as j
where (j.args ->> 'message_id')::uuid = pg_temp.message('patient', 'reminder_24h');

-- A reschedule there and back
select api.reschedule_consultation(:'consultation', :'slot_2', 'there') \g /dev/null
select pg_temp.dispatch();
select is(pg_temp.messages_of_newest(),
    array['reminder_1h email patient 07 08:00', 'reminder_24h email patient 06 09:00',
        'rescheduled email doctor 04 08:00', 'rescheduled email patient 04 08:00'],
    'add_messages_of_event: a reschedule leads to messages to both, and to reminders of the new time');
select api.reschedule_consultation(:'consultation', :'slot_1', 'back') \g /dev/null
select pg_temp.dispatch();
select is(pg_temp.messages_of_newest(),
    array['rescheduled email doctor 04 08:00', 'rescheduled email patient 04 08:00'],
    'add_messages_of_event: a time that has a reminder gets no second one');

-- Preferences and channels
update app.profiles set phone = '+49 30 901820' where user_id = pg_temp.id_of('patient');
insert into app.notification_preferences values
(pg_temp.id_of('patient'), 'cancelled', false, true),
(pg_temp.id_of('doctor'), 'cancelled', false, false);
select api.cancel_consultation(:'consultation') \g /dev/null
select pg_temp.dispatch();
select is(pg_temp.messages_of_newest(), array['cancelled sms patient 04 08:00'],
    'add_messages_of_event: each recipient gets the message by the channels that they want');

-- At short notice
select pg_temp.booking('patient', pg_temp.open_slot('doctor', '2027-01-04 10:00:00+00'))
    as soon \gset
select pg_temp.dispatch();
select is(pg_temp.messages_of_newest(),
    array['booked email doctor 04 08:00', 'booked email patient 04 08:00',
        'reminder_1h email patient 04 09:00'],
    'add_messages_of_event: a consultation within a day has the second reminder only');

select pg_temp.booking('other_patient', pg_temp.open_slot('doctor', '2027-01-04 09:00:00+00'))
    \g /dev/null
select pg_temp.dispatch();
select is(pg_temp.messages_of_newest(),
    array['booked email doctor 04 08:00', 'booked email other_patient 04 08:00'],
    'add_messages_of_event: a consultation that begins in an hour has no reminder');

-- Prescriptions and payments
select pg_temp.sign_in('doctor');
select api.complete_consultation(:'soon') \g /dev/null
select pg_temp.dispatch();
select is(pg_temp.messages_of_newest(), null,
    'add_messages_of_event: a completion leads to no message');
select api.issue_prescription(:'soon', '[{"drug": "Ibuprofen", "dosage": "400 mg"}]') \g /dev/null
select pg_temp.dispatch();
select is(pg_temp.messages_of_newest(), array['prescription email patient 04 08:00'],
    'add_messages_of_event: a prescription leads to a message to the patient');
select pg_temp.sign_in('admin');
select id as payment
from api.record_payment(:'soon', 5000, 'EUR', 'card', null, null, 'pay') \gset
select pg_temp.dispatch();
select is(pg_temp.messages_of_newest(), array['payment email patient 04 08:00'],
    'add_messages_of_event: a payment leads to a message to the patient');
select api.refund_payment(:'payment', 1000, null, 'refund') \g /dev/null
select pg_temp.dispatch();
select is(pg_temp.messages_of_newest(), array['refund email patient 04 08:00'],
    'add_messages_of_event: a refund leads to a message to the patient');

-- Accounts
select * from api.request_password_reset('patient@clinic.test') \g /dev/null
select pg_temp.dispatch();
select is(pg_temp.messages_of_newest(), array['password_reset email patient 04 08:00'],
    'add_messages_of_event: a request for a new password leads to an e-mail');
update app.users set email = 'new@clinic.test' where id = pg_temp.id_of('patient');
select pg_temp.dispatch();
select is(m.address::text, 'patient@clinic.test',
    'add_messages_of_event: a change of address is told to the former address')
from app.messages as m where m.id = pg_temp.message('patient', 'email_changed');
update app.users set deactivated_at = app.clock() where id = pg_temp.id_of('other_patient');
update app.users set password_hash = '$2b$04$' || repeat('b', 53)
where id = pg_temp.id_of('other_patient');
select pg_temp.dispatch();
select is(pg_temp.message('other_patient', 'password_changed'), null,
    'add_messages_of_event: a deactivated account gets no message');

select * from finish();
rollback;
