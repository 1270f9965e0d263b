begin;
\ir ../helpers/actors.psql
select plan(14);

-- The DETAIL of the refusal of p_sql.
create function pg_temp.details(p_actor text, p_sql text)
returns jsonb language plpgsql
as $$
declare
    v_detail text;
begin
    perform pg_temp.sign_in(p_actor);
    begin
        execute p_sql;
    exception when others then
        get stacked diagnostics v_detail = pg_exception_detail;
        return v_detail;
    end;
    return null;
end;
$$;

create function pg_temp.book(p_actor text, p_slot uuid)
returns jsonb language sql
as $$
    select pg_temp.details(p_actor, format('select api.book_consultation(%L, null, ''k'')', p_slot))
$$;

create function pg_temp.reschedule(p_actor text, p_consultation uuid, p_slot uuid)
returns jsonb language sql
as $$
    select pg_temp.details(
        p_actor,
        format('select api.reschedule_consultation(%L, %L, ''k'')', p_consultation, p_slot))
$$;

create function pg_temp.codes(p_details jsonb)
returns text language sql
as $$
    select string_agg(r ->> 'code', ' ' order by n)
    from jsonb_array_elements(p_details -> 'reasons') with ordinality as x (r, n)
$$;

create function pg_temp.hours(p_details jsonb)
returns text language sql
as $$
    select string_agg(
        to_char((a ->> 'starts_at')::timestamptz at time zone 'UTC', 'HH24:MI'), ' ' order by n)
    from jsonb_array_elements(p_details -> 'alternatives') with ordinality as x (a, n)
$$;

select pg_temp.open_slot('doctor', '2027-01-05 08:00:00+00') as earlier \gset
select pg_temp.open_slot('doctor', '2027-01-05 09:00:00+00') as wanted \gset
select pg_temp.open_slot('doctor', '2027-01-05 10:00:00+00') as free \gset
select pg_temp.open_slot('doctor', '2027-01-05 11:00:00+00') as overlapping \gset
select pg_temp.open_slot('doctor', '2027-01-05 12:00:00+00') as withdrawn \gset
select pg_temp.open_slot('doctor', '2027-01-05 13:00:00+00') as taken \gset
select count(pg_temp.open_slot('doctor', t)) as later
from generate_series(
    timestamptz '2027-01-05 14:00:00+00', '2027-01-05 18:00:00+00', interval '1 hour') as t \gset
select pg_temp.open_slot('other_doctor', '2027-01-05 09:30:00+00') as unrelated \gset
select pg_temp.open_slot('other_doctor', '2027-01-05 11:15:00+00') as elsewhere \gset
select pg_temp.booking('other_patient', :'wanted') as booking \gset
select pg_temp.booking('other_patient', :'taken') as other_booking \gset
select pg_temp.booking('patient', :'elsewhere') as own \gset
reset role;
update app.availability_slots set status = 'withdrawn' where id = :'withdrawn';
set local role telemed_api;

-- Alternatives
select pg_temp.book('patient', :'wanted') as details \gset
select is(pg_temp.hours(:'details'), '10:00 14:00 15:00 16:00 17:00',
    'a refused booking lists the next five open slots of the doctor that the patient has time for');
select is(
    :'details'::jsonb #> '{alternatives,0}',
    jsonb_build_object(
        'id', :'free', 'starts_at', timestamptz '2027-01-05 10:00:00+00',
        'ends_at', timestamptz '2027-01-05 10:30:00+00'),
    'an alternative has its id, its start and its end');
select is(pg_temp.hours(pg_temp.book('patient', :'withdrawn')), '14:00 15:00 16:00 17:00 18:00',
    'alternatives begin after the refused slot');
select is(
    pg_temp.hours(pg_temp.reschedule('patient', :'own', :'elsewhere')), null,
    'a refusal without later open slots has no alternatives');
select is(
    pg_temp.hours(pg_temp.reschedule('other_patient', :'booking', :'taken')),
    '14:00 15:00 16:00 17:00 18:00', 'a refused reschedule lists alternatives, too');

-- Reasons
select is(v.codes, v.expected, v.sentence)
from (values
    (pg_temp.codes(:'details'), 'TM901', 'a booked slot has one reason'),
    (pg_temp.codes(pg_temp.book('other_patient', :'wanted')), 'TM918',
     'the patient''s own slot has one reason: the consultation in it is no other consultation'),
    (pg_temp.codes(pg_temp.book('patient', :'overlapping')), 'TM904',
     'a slot at the time of another consultation has one reason'),
    (pg_temp.codes(pg_temp.reschedule('other_patient', :'booking', :'wanted')), 'TM917',
     'the present slot of a consultation has one reason')
) as v (codes, expected, sentence);
reset role;
update app.availability_slots set status = 'withdrawn' where id = :'overlapping';
select pg_temp.set_clock('2027-01-05 11:20:00+00');
set local role telemed_api;
select is(pg_temp.codes(pg_temp.book('patient', :'overlapping')), 'TM901 TM903 TM904',
    'all reasons against a slot are listed, in the order of their codes');
select is(
    pg_temp.codes(pg_temp.reschedule('other_patient', :'booking', :'overlapping')),
    'TM906 TM901 TM903', 'reasons against the consultation come before those against the slot');

-- A client that commits gets the first reason, and the key keeps all of them
select pg_temp.sign_in('patient', 'remember');
select is(b.id, null, 'a refusal with details is stored')
from api.book_consultation(:'overlapping', null, 'stored') as b;
reset role;
select is(
    (k.refusal_code, k.refusal_message::text, pg_temp.codes(k.refusal_details)),
    ('TM901'::text, 'The slot is not open: choose another slot'::text, 'TM901 TM903 TM904'::text),
    'a stored refusal has the first reason as its code and message, and all of them as details')
from app.idempotency_keys as k where k.key = 'stored';
select is(k.refusal_details -> 'alternatives' -> 0 ->> 'id', s.id::text,
    'a stored refusal keeps its alternatives')
from app.idempotency_keys as k
inner join app.availability_slots as s
    on s.doctor_id = pg_temp.id_of('doctor') and s.starts_at = '2027-01-05 14:00:00+00'
where k.key = 'stored';

select * from finish();
rollback;
