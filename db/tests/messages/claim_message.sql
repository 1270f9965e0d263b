begin;
\ir ../helpers/actors.psql
\ir ../helpers/messages.psql
select plan(29);
reset role;

update app.profiles set language = 'es-MX', time_zone = 'America/Mexico_City'
where user_id = pg_temp.id_of('other_patient');
select pg_temp.booking('patient', pg_temp.open_slot('doctor', '2027-01-06 09:00:00+00'))
    as consultation \gset
select pg_temp.booking('other_patient', pg_temp.open_slot('doctor', '2027-01-06 10:00:00+00'))
    \g /dev/null
select * from api.request_password_reset('patient@clinic.test') \g /dev/null
select pg_temp.dispatch();
select pg_temp.message('patient', 'booked') as booked \gset
select pg_temp.message('patient', 'reminder_24h') as reminder \gset

-- What the worker gets
select results_eq(
    format($$
        select attempt, kind, channel, user_id, is_doctor, full_name, address, language,
            time_zone, is_optional, doctor_name, starts_at, token
        from work.claim_message(%L) $$, :'booked'),
    format($$ values (1, 'booked', 'email', %L::uuid, false, null,
        'patient@clinic.test', null, 'Europe/Berlin', true, 'Doctor doctor',
        '2027-01-06 09:00:00+00'::timestamptz, null) $$, pg_temp.id_of('patient')),
    'claim_message: a patient without a time zone gets the time of the practice');
select results_eq(
    format($$ select language, time_zone, calendar ->> 'status' from work.claim_message(%L) $$,
        pg_temp.message('other_patient', 'booked')),
    $$ values ('es-MX', 'America/Mexico_City', 'scheduled') $$,
    'claim_message: it returns the language, the time zone and the calendar entry of the recipient');
select is(m.language, 'es-MX', 'claim_message: the message keeps the language')
from app.messages as m where m.id = pg_temp.message('other_patient', 'booked');
select results_eq(
    format($$ select is_doctor, full_name, calendar ->> 'doctor_name' from work.claim_message(%L) $$,
        (select m.id from app.messages as m
         where m.user_id = pg_temp.id_of('doctor') and m.consultation_id = :'consultation')),
    $$ values (true, null::text, null::text) $$,
    'claim_message: a doctor gets the message without the name of a patient');

-- Who has it
select results_eq(
    format($$ select status, attempt, lease_ends_at::timestamptz from app.messages where id = %L $$,
        :'booked'),
    $$ values ('sending', 1, '2027-01-04 08:02:00+00'::timestamptz) $$,
    'claim_message: the worker has the message for two minutes');
select is(pg_temp.claim(:'booked'), null, 'claim_message: nobody else gets it in that time');
select is(pg_temp.claim(:'reminder'), null, 'claim_message: a message that is not due is not given');
select pg_temp.set_clock('2027-01-04 08:02:00+00');
select is(pg_temp.claim(:'booked'), 2, 'claim_message: after the lease another worker gets it');
select is(work.settle_message(:'booked', 1), false,
    'settle_message: a worker that has lost the message does not settle it');
select is(work.settle_message(:'booked', 2), true, 'settle_message: the worker that has it does');
select is(work.settle_message(:'booked', 2), false, 'settle_message: a message is settled once');
select is(pg_temp.claim(:'booked'), null, 'claim_message: a sent message is not given again');
select is(pg_temp.claim(gen_random_uuid()), null,
    'claim_message: an unknown message is not given');

-- Tokens
select token as first from work.claim_message(pg_temp.message('patient', 'password_reset')) \gset
select pg_temp.set_clock('2027-01-04 08:05:00+00');
select token as second, attempt
from work.claim_message(pg_temp.message('patient', 'password_reset')) \gset
select isnt(:'first'::text, :'second', 'claim_message: each attempt has a token of its own');
select is(pg_temp.refusal('nobody', format($$ select api.reset_password(%L, %L) $$,
    :'first', '$2b$04$' || repeat('b', 53))), null,
    'reset_password: the token of an earlier attempt is accepted, because it may have arrived');
select is(pg_temp.refusal('nobody', format($$ select api.reset_password(%L, %L) $$,
    :'second', '$2b$04$' || repeat('c', 53))), 'TM222 token',
    'reset_password: all tokens of one request are used up together');
select token as verification
from work.claim_message(pg_temp.message('other_patient', 'email_verification')) \gset
select is(pg_temp.refusal('patient', format('select api.verify_email(%L)', :'verification')),
    'TM231 token', 'verify_email: the token in a message is of no use to another account');
select is(pg_temp.refusal('other_patient', format('select api.verify_email(%L)', :'verification')),
    null, 'verify_email: the token in a message verifies the address');
select is(pg_temp.refusal('other_patient', format('select api.verify_email(%L)', :'verification')),
    null, 'verify_email: a retry with the token in a message gets the same answer');

-- When it happened
select pg_temp.message('doctor', 'booked') as told \gset
select results_eq(
    format($$ select m.happened_at from work.claim_message(%L) as m $$, :'told'),
    format($$ select e.occurred_at::timestamptz from app.events as e
              where e.id = (select event_id from app.messages where id = %L) $$, :'told'),
    'claim_message: it returns when the event happened');
set local session_replication_role = replica;
delete from app.events where id = (select event_id from app.messages where id = :'told');
set local session_replication_role = origin;
select pg_temp.set_clock('2027-01-04 08:07:00+00');
select results_eq(
    format($$ select m.happened_at from work.claim_message(%L) as m $$, :'told'),
    $$ values ('2027-01-04 08:00:00+00'::timestamptz) $$,
    'claim_message: without the event, whose month was dropped, the message was made then');

-- Addresses
select is(m.full_name, 'Patient other_patient',
    'claim_message: a message to a verified address names the recipient')
from work.claim_message(pg_temp.message('other_patient', 'booked')) as m;
select pg_temp.sign_in('doctor');
select * from api.request_email_change('next@clinic.test', '$2b$04$' || repeat('a', 53)) \g /dev/null
select pg_temp.dispatch();
select results_eq(
    format($$ select m.address from work.claim_message(%L) as m $$,
        pg_temp.message('doctor', 'email_verification')),
    $$ values ('next@clinic.test') $$,
    'claim_message: the token that verifies a new address goes to the new one');
select pg_temp.sign_in('other_patient');
select * from api.request_email_change('other@clinic.test', '$2b$04$' || repeat('a', 53)) \g /dev/null
select pg_temp.dispatch();
select results_eq(
    format($$ select m.address, m.full_name from work.claim_message(%L) as m $$,
        pg_temp.message('other_patient', 'email_verification')),
    $$ values ('other@clinic.test', null::text) $$,
    'claim_message: a message to an address that is to be verified names nobody');
update app.users set email = 'next@clinic.test' where id = pg_temp.id_of('doctor');
select pg_temp.dispatch();
select results_eq(
    format($$ select m.address from work.claim_message(%L) as m $$,
        pg_temp.message('doctor', 'email_changed')),
    $$ values ('doctor@clinic.test') $$,
    'claim_message: the notice that an address has changed goes to the former one');

-- What must not be sent
select pg_temp.sign_in('patient');
select api.cancel_consultation(:'consultation') \g /dev/null
select pg_temp.dispatch();
select is(m.calendar ->> 'status', 'cancelled',
    'claim_message: a message about a cancellation has the calendar entry of it')
from work.claim_message(pg_temp.message('patient', 'cancelled')) as m;
select pg_temp.set_clock('2027-01-05 09:00:00+00');
select is(pg_temp.claim(:'reminder'), null,
    'claim_message: a reminder of a cancelled consultation is not given');
select results_eq(
    format($$ select status, reason::text, attempt from app.messages where id = %L $$, :'reminder'),
    $$ values ('skipped', 'cancelled', 1) $$,
    'claim_message: it is settled as skipped, with the reason');
select is(count(*), 0::bigint, 'claim_message: the audit log has no token')
from app.audit_logs as l
where l.table_name = 'message_tokens' and l.new::text ~ 'token_hash';

select * from finish();
rollback;
