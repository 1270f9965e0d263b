begin;
\ir ../helpers/actors.psql
select plan(50);
reset role;

-- Every function that takes an idempotency key, with a request that it grants, another request, and
-- one that it refuses with a code that is stored.
select pg_temp.open_slot('doctor', '2027-01-05 09:00:00+00') as slot_1 \gset
select pg_temp.open_slot('doctor', '2027-01-05 10:00:00+00') as slot_2 \gset
select pg_temp.open_slot('doctor', '2027-01-05 11:00:00+00') as slot_3 \gset
select pg_temp.open_slot('doctor', '2027-01-05 12:00:00+00') as slot_4 \gset
select pg_temp.open_slot('doctor', '2027-01-05 13:00:00+00') as slot_5 \gset
select pg_temp.booking('patient', :'slot_2') as cancelled \gset
select pg_temp.booking('patient', :'slot_3') as completed \gset
select pg_temp.booking('patient', :'slot_4') as moved \gset
select pg_temp.sign_in('doctor');
select pg_temp.booking('other_patient', pg_temp.open_slot('doctor', '2027-01-05 14:00:00+00'))
    as scheduled \gset
select pg_temp.booking('other_patient', pg_temp.open_slot('doctor', '2027-01-05 15:00:00+00'))
    as paid \gset
select pg_temp.sign_in('admin');
select id as payment from api.record_payment(:'paid', 1000, 'EUR', 'card', null, null, 'p') \gset

create temp table keyed (
    n integer generated always as identity,
    name text primary key,
    actor text not null,
    granted text not null,
    other text not null,
    refused text,
    code text
) on commit drop;
insert into keyed (name, actor, granted, other, refused, code)
select v.name, v.actor, v.granted, v.other, v.refused, v.code
from (values
    ('book_consultation', 'patient', format('%L, ''A cough''', :'slot_1'),
     format('%L, ''A cold''', :'slot_1'), format('%L, null', :'slot_3'), 'TM918'),
    ('reschedule_consultation', 'patient', format('%L, %L', :'moved', :'slot_5'),
     format('%L, %L', :'moved', :'slot_1'), format('%L, %L', :'moved', :'slot_5'), 'TM917'),
    ('cancel_consultation', 'patient', format('%L, ''Ill''', :'cancelled'),
     format('%L, ''Well''', :'cancelled'), format('%L, null', :'cancelled'), 'TM905'),
    ('complete_consultation', 'doctor', format('%L, ''Seen''', :'completed'),
     format('%L, ''Not seen''', :'completed'), format('%L, null', :'completed'), 'TM905'),
    ('issue_prescription', 'doctor',
     format($$ %L, '[{"drug": "A", "dosage": "1 g"}, {"drug": "B", "dosage": "2 g"}]', null $$,
         :'completed'),
     format($$ %L, '[{"drug": "A", "dosage": "1 mg"}]', null $$, :'completed'),
     format($$ %L, '[{"drug": "A", "dosage": "1 g"}]', null $$, :'scheduled'), 'TM907'),
    ('record_payment', 'admin', format($$ %L, 500, 'EUR', 'card', null, null $$, :'paid'),
     format($$ %L, 501, 'EUR', 'card', null, null $$, :'paid'),
     format($$ %L, 5000, 'EUR', 'card', null, null $$, :'paid'), 'TM908'),
    ('refund_payment', 'admin', format('%L, 500, null', :'payment'),
     format('%L, 500, ''A reason''', :'payment'), format('%L, 501, null', :'payment'), 'TM909'),
    ('publish_slot', 'doctor', $$ '2027-02-01 09:00:00+00', '2027-02-01 10:00:00+00' $$,
     $$ '2027-02-02 09:00:00+00', '2027-02-02 10:00:00+00' $$,
     $$ '2027-02-01 09:30:00+00', '2027-02-01 10:30:00+00' $$, 'TM902'),
    ('publish_weekly_slots', 'doctor',
     $$ '2027-03-01', '2027-03-07', '{1,2}', '09:00', '10:00', 30, null $$,
     $$ '2027-03-01', '2027-03-07', '{1,2}', '09:00', '11:00', 30, null $$, null, null),
    ('onboard_doctor', 'admin',
     format($$ 'new@clinic.test', %L, 'New', 'Surgery', 'UTC', 100, 'EUR' $$,
         '$2b$04$' || repeat('b', 53)),
     format($$ 'new@clinic.test', %L, 'New', 'Surgery', 'UTC', 101, 'EUR' $$,
         '$2b$04$' || repeat('b', 53)), null, null),
    ('take_time_off', 'doctor',
     $$ '2027-03-01 08:30:00+00', '2027-03-01 12:00:00+00', 'Skiing' $$,
     $$ '2027-03-01 08:30:00+00', '2027-03-01 12:00:00+00', 'Sailing' $$,
     $$ '2027-03-01 09:00:00+00', '2027-03-01 10:00:00+00', null $$, 'TM913'))
    as v (name, actor, granted, other, refused, code);

select set_eq(
    'select name from keyed',
    $$
    select p.proname::text from pg_proc as p
    where p.pronamespace = 'api'::regnamespace and 'p_idempotency_key' = any (p.proargnames)
    $$,
    'every function that takes an idempotency key is on the list of this test');
-- db/contract.txt says of every volatile function of api whether it takes a key.

-- The answer as text: JSON, null for a stored refusal, or the code of an error
create function pg_temp.answer(p_name text, p_actor text, p_arguments text, p_key text)
returns text language plpgsql
as $$
declare
    v_answer text;
    v_code text;
begin
    perform pg_temp.sign_in(p_actor, 'remember');
    set local role telemed_api;
    execute format('select to_jsonb(api.%I(%s, p_idempotency_key => %L))::text', p_name, p_arguments, p_key)
    into v_answer;
    reset role;
    return v_answer;
exception when others then
    reset role;
    get stacked diagnostics v_code = returned_sqlstate;
    return v_code;
end;
$$;
create function pg_temp.rows_in_all()
returns text language sql
as $$
    select concat_ws(' ',
        (select count(*) from app.audit_logs), (select count(*) from app.availability_slots),
        (select count(*) from app.consultations), (select count(*) from app.payments),
        (select count(*) from app.prescription_items), (select count(*) from app.time_off))
$$;
create temp table told (
    name text, first text, again text, other text, in_tokyo text, refused text, refused_again text,
    rows_before text, rows_after text, refusal_code text
) on commit drop;
grant all on told to telemed_api;
do $$
declare
    k keyed;
    t told;
begin
    for k in select * from keyed order by n loop
        t := null;
        t.name := k.name;
        t.first := pg_temp.answer(k.name, k.actor, k.granted, 'one');
        t.rows_before := pg_temp.rows_in_all();
        t.again := pg_temp.answer(k.name, k.actor, k.granted, 'one');
        t.other := pg_temp.answer(k.name, k.actor, k.other, 'one');
        set local timezone = 'Asia/Tokyo';
        t.in_tokyo := pg_temp.answer(k.name, k.actor, k.granted, 'one');
        set local timezone = 'UTC';
        if k.refused is not null then
            t.refused := pg_temp.answer(k.name, k.actor, k.refused, 'two');
            t.refused_again := pg_temp.answer(k.name, k.actor, k.refused, 'two');
        end if;
        t.rows_after := pg_temp.rows_in_all();
        t.refusal_code := (
            select i.refusal_code from app.idempotency_keys as i
            where i.operation = k.name and i.key = 'two');
        insert into told select t.*;
    end loop;
end;
$$;

select isnt(t.first, null, t.name || ': a request under a new key is granted')
from told as t where t.first !~ '^[A-Z0-9]{5}$' order by t.name;
select is(t.again, t.first, t.name || ': a retry under the same key gets the same answer')
from told as t order by t.name;
select is(t.other, 'TM203', t.name || ': another request under the same key is refused')
from told as t order by t.name;
select is(t.rows_after, t.rows_before, t.name || ': retries change no row')
from told as t order by t.name;
select is(
    (select string_agg(t.name, ' ') from told as t
     where (t.in_tokyo ~ '^[A-Z0-9]{5}$') is not false),
    null,
    'every function with a key: the fingerprint does not depend on the time zone of the session');
select results_eq(
    'select t.name, t.refusal_code, t.refused, t.refused_again from told as t order by t.name',
    'select k.name, k.code, null::text, null::text from keyed as k order by k.name',
    'every function with a key: a refusal TM9nn is stored and comes back for a retry');

-- One request written in two ways
select pg_temp.answer('issue_prescription', 'doctor', format($$
    %L, '[{"dosage": "1 g", "drug": "A", "duration_days": 1, "instructions": null}]', null $$,
    :'completed'), 'written') as written,
    pg_temp.answer('issue_prescription', 'doctor', format($$
    %L, '[{"drug": "A", "dosage": "1 g", "duration_days": 1}]', null $$,
    :'completed'), 'written') as rewritten \gset
select is(:'rewritten'::text, :'written',
    'issue_prescription: the order of fields and nulls do not change the fingerprint');
select pg_temp.answer('publish_weekly_slots', 'doctor', $$
    '2027-05-03', '2027-05-09', '{1,3}', '09:00', '10:00', 30, null $$, 'written') as written,
    pg_temp.answer('publish_weekly_slots', 'doctor', $$
    '2027-05-03', '2027-05-09', '{3,1,1}', '09:00', '10:00', 30, null $$, 'written')
    as rewritten \gset
select is(:'rewritten'::text, :'written',
    'publish_weekly_slots: the order and repetition of weekdays do not change the fingerprint');

-- Time off that has ended since
select pg_temp.answer('take_time_off', 'doctor', $$
    '2027-06-01 08:00:00+00', '2027-06-01 12:00:00+00', null $$, 'june') \g /dev/null
select pg_temp.answer('publish_slot', 'doctor', $$
    '2027-06-01 09:00:00+00', '2027-06-01 10:00:00+00' $$, 'june') \g /dev/null
delete from app.time_off where starts_at = '2027-06-01 08:00:00+00';
select pg_temp.answer('publish_slot', 'doctor', $$
    '2027-06-01 09:00:00+00', '2027-06-01 10:00:00+00' $$, 'june') \g /dev/null
select is(count(*), 0::bigint, 'publish_slot: a retry of a refused request publishes no slot')
from app.availability_slots where starts_at = '2027-06-01 09:00:00+00';

select * from finish();
rollback;
