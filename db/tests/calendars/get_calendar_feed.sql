begin;
\ir ../helpers/actors.psql
select plan(27);

select pg_temp.booking('patient', pg_temp.open_slot('doctor', v.at::timestamptz))
from (values
    ('2027-01-05 09:00+00'), ('2027-01-06 09:00+00'), ('2027-02-01 09:00+00'),
    ('2028-02-06 08:00+00'), ('2028-02-08 08:00+00')
) as v (at) \g /dev/null
select c.id as dropped from api.list_consultations() as c
where c.starts_at = '2027-01-06 09:00+00' \gset
select pg_temp.booking('other_patient', pg_temp.open_slot('doctor', '2027-02-02 09:00+00'))
\g /dev/null
select pg_temp.booking('other_patient', pg_temp.open_slot('other_doctor', '2027-02-03 09:00+00'))
\g /dev/null
select pg_temp.sign_in('patient');
select token from api.create_my_calendar() \gset
select pg_temp.sign_in('doctor');
select token as of_doctor from api.create_my_calendar() \gset

reset role;
create function pg_temp.days(p_token text)
returns text language sql
as $$
    select coalesce(string_agg(to_char(e.starts_at, 'DD.MM.YY'), ' '), 'none')
    from api.get_calendar_feed(p_token) as e
$$;

set local role telemed_api;
select pg_temp.sign_in('nobody');
select is(pg_temp.days(:'token'), '05.01.27 06.01.27 01.02.27 06.02.28',
    'get_calendar_feed: the patient gets their consultations until 400 days ahead, by their start');
select is(pg_temp.days(:'of_doctor'), '05.01.27 06.01.27 01.02.27 02.02.27 06.02.28',
    'get_calendar_feed: the doctor gets the consultations of all patients, and of no other doctor');
select is(current_setting('app.verified_user_id') || current_setting('app.verified_role'), '',
    'get_calendar_feed: the call leaves the transaction without an actor');
select is(
    (select array_agg(e) from api.get_calendar_feed(:'token') as e)::text,
    (select array_agg(e) from api.get_calendar_feed(:'token') as e)::text,
    'get_calendar_feed: two reads return the same');
select is(
    (select count(e.doctor_name) from api.get_calendar_feed(:'of_doctor') as e), 0::bigint,
    'get_calendar_feed: the entries of a doctor name neither doctor nor patient');
reset role;
select is(
    (select count(*) from app.access_logs where operation = 'get_calendar_feed'), 0::bigint,
    'get_calendar_feed: the access log does not record the read');

-- What was cancelled, and what is past
set local role telemed_api;
select pg_temp.sign_in('patient');
select api.cancel_consultation(:'dropped') \g /dev/null
select pg_temp.sign_in('nobody');
select results_eq(
    format(
        $$ select e.status, e.sequence from api.get_calendar_feed(%L) as e
           where e.starts_at < '2027-01-07' $$, :'token'),
    $$ values ('scheduled', 0), ('cancelled', 1) $$,
    'get_calendar_feed: a cancelled consultation stays, as a cancelled one');
reset role;
select pg_temp.set_clock('2027-02-03 08:00:00+00');
set local role telemed_api;
select pg_temp.sign_in('nobody');
select is(pg_temp.days(token), '05.01.27 06.01.27 01.02.27 ' || later,
    'get_calendar_feed: a cancelled consultation stays for 30 days')
from (values (:'token', '06.02.28 08.02.28'), (:'of_doctor', '02.02.27 06.02.28 08.02.28'))
    as v (token, later);
reset role;
select pg_temp.set_clock('2027-02-03 08:00:01+00');
set local role telemed_api;
select pg_temp.sign_in('nobody');
select is(pg_temp.days(:'token'), '05.01.27 01.02.27 06.02.28 08.02.28',
    'get_calendar_feed: a consultation that was cancelled 30 days ago is gone');
reset role;
select pg_temp.set_clock('2027-02-04 09:00:00+00');
set local role telemed_api;
select pg_temp.sign_in('nobody');
select matches(pg_temp.days(token), '^05.01.27 ',
    'get_calendar_feed: a consultation stays for 30 days after its start')
from (values (:'token'), (:'of_doctor')) as v (token);
reset role;
select pg_temp.set_clock('2027-02-04 09:00:01+00');
set local role telemed_api;
select pg_temp.sign_in('nobody');
select is(pg_temp.days(:'token'), '01.02.27 06.02.28 08.02.28',
    'get_calendar_feed: a consultation that began 30 days ago is gone');
select is(pg_temp.days(:'of_doctor'), '01.02.27 02.02.27 06.02.28 08.02.28',
    'get_calendar_feed: the same is true of the calendar of a doctor');

-- Tokens
select is(pg_temp.refusal(v.actor, format('select api.get_calendar_feed(%L)', v.token)), v.refusal,
    'get_calendar_feed: ' || v.sentence)
from (values
    ('nobody', repeat('A', 43), 'TM450', 'an unknown token is refused'),
    ('nobody', '', 'TM450', 'an empty token is refused'),
    ('nobody', null, 'TM450', 'a null token is refused'),
    ('other_patient', :'token', null, 'every caller with the token may read'),
    ('admin', repeat('A', 43), 'TM450', 'an admin needs a token as well')
) as v (actor, token, refusal, sentence);
reset role;
select throws_ok(
    format(
        $$ select api.get_calendar_feed(%L) from set_config('app.proof', '', true) $$, :'token'),
    'TM101', null, 'get_calendar_feed: a call without a context is refused');
-- As if the trigger were missing that revokes a calendar
alter table app.users disable trigger calendar_feeds_end_with_what_they_rest_on;
select pg_temp.sign_in('admin');
update app.users set deactivated_at = app.clock() where id = pg_temp.id_of('doctor');
select pg_temp.sign_in('nobody');
select throws_ok(
    format('select api.get_calendar_feed(%L)', :'of_doctor'), 'TM450', null,
    'get_calendar_feed: the token of a deactivated account is refused');
select is(
    pg_temp.refusal('nobody', format('select api.get_calendar_feed(%L)', :'of_doctor')),
    pg_temp.refusal('nobody', 'select api.get_calendar_feed(''unknown'')'),
    'get_calendar_feed: it is refused as an unknown one is');
set local session_replication_role = replica;
update app.users set role = 'admin' where id = pg_temp.id_of('patient');
set local session_replication_role = origin;
select throws_ok(
    format('select api.get_calendar_feed(%L)', :'token'), 'TM450', null,
    'get_calendar_feed: the token of a user with another role is refused');

-- The limit
set local session_replication_role = replica;
update app.users set role = 'patient' where id = pg_temp.id_of('patient');
insert into app.consultations
    (slot_id, doctor_id, patient_id, starts_at, ends_at, status, fee_minor, currency, updated_at)
select c.slot_id, c.doctor_id, c.patient_id, c.starts_at, c.ends_at, 'cancelled', 0, 'EUR',
    app.clock()
from app.consultations as c
cross join generate_series(1, 2000)
where c.starts_at = '2027-02-01 09:00+00';
set local session_replication_role = origin;
set local role telemed_api;
select pg_temp.sign_in('nobody');
select is(
    (count(*), count(*) filter (where e.status = 'scheduled'))::text, (2000, 3)::text,
    'get_calendar_feed: of very many consultations, cancelled ones are left out')
from api.get_calendar_feed(:'token') as e;
reset role;
set local session_replication_role = replica;
update app.users set deactivated_at = null where id = pg_temp.id_of('doctor');
set local session_replication_role = origin;
set local role telemed_api;
select is(
    (count(*), count(*) filter (where e.status = 'scheduled'))::text, (2000, 4)::text,
    'get_calendar_feed: the same is true of the calendar of a doctor')
from api.get_calendar_feed(:'of_doctor') as e;

-- Plans
reset role;
select is_empty(
    $$ select p.prosrc from pg_proc as p where p.proname = 'calendar_of_token'
       and p.prosrc !~ 'limit 2000' $$,
    'get_calendar_feed: the number of entries is bounded');
select is(
    (select count(*) from app.calendar_entries_of('{}', pg_temp.id_of('patient'))), 0::bigint,
    'get_calendar_feed: a calendar may be empty');

select * from finish();
rollback;
