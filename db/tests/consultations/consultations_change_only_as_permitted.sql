begin;
\ir ../helpers/actors.psql
select plan(91);
reset role;

-- Each consultation of this file has its own hour.
create temp sequence hour;
create function pg_temp.hour()
returns timestamptz language sql
as $$ select timestamptz '2027-02-01 00:00:00+00' + nextval('pg_temp.hour') * interval '1 hour' $$;

-- A consultation of the patient with the doctor that has the status p_status
create function pg_temp.consultation(p_status text)
returns uuid language plpgsql
as $$
declare
    v_id uuid := pg_temp.booking('patient', pg_temp.open_slot('doctor', pg_temp.hour()));
begin
    update app.consultations as c set status = p_status where c.id = v_id and c.status <> p_status;
    return v_id;
end;
$$;

-- Every pair of statuses, written by the owner of the table
select is(
    pg_temp.refusal('nobody', format(
        'update app.consultations set status = %L where id = %L',
        v.to_status, pg_temp.consultation(v.from_status))),
    v.refusal,
    case when v.refusal is null then 'a ' || v.from_status || ' consultation may be written as '
        else 'a ' || v.from_status || ' consultation cannot be written as ' end || v.to_status)
from (values
    ('scheduled', 'scheduled', null), ('scheduled', 'completed', null),
    ('scheduled', 'cancelled', null),
    ('completed', 'scheduled', 'TM905'), ('completed', 'completed', 'TM912'),
    ('completed', 'cancelled', 'TM905'),
    ('cancelled', 'scheduled', 'TM905'), ('cancelled', 'completed', 'TM905'),
    ('cancelled', 'cancelled', 'TM912')
) as v (from_status, to_status, refusal);
select is(
    pg_temp.refusal('nobody', format(
        'insert into app.consultations '
        '(slot_id, doctor_id, patient_id, starts_at, ends_at, status, fee_minor, currency) '
        'values (%L, %L, %L, now(), now(), %L, 0, ''EUR'')',
        pg_temp.open_slot('doctor', pg_temp.hour()), pg_temp.id_of('doctor'),
        pg_temp.id_of('patient'), v.status)),
    v.refusal, v.sentence)
from (values
    ('scheduled', null, 'a new consultation may be scheduled'),
    ('completed', 'TM905', 'a new consultation cannot be completed'),
    ('cancelled', 'TM905', 'a new consultation cannot be cancelled'),
    ('no_show', 'TM905', 'a new consultation cannot have an unknown status'),
    (null, '23502 status', 'a new consultation cannot have a null status')
) as v (status, refusal, sentence);

-- Every status, every function, every caller
create function pg_temp.attempt(p_actor text, p_verb text, p_status text)
returns text language plpgsql
as $$
declare
    v_id uuid := pg_temp.consultation(p_status);
    v_new_slot uuid := pg_temp.open_slot('doctor', pg_temp.hour());
    v_refusal text;
begin
    set local role telemed_api;
    v_refusal := pg_temp.refusal(p_actor, case p_verb
        when 'complete' then format('select api.complete_consultation(%L)', v_id)
        when 'cancel' then format('select api.cancel_consultation(%L)', v_id)
        when 'reschedule' then format(
            'select api.reschedule_consultation(%L, %L, %L)', v_id, v_new_slot, v_id)
    end);
    reset role;
    return (
        select concat_ws(', ', v_refusal, c.status)
        from app.consultations as c where c.id = v_id);
end;
$$;

select is(
    pg_temp.attempt(v.actor, v.verb, s.status),
    case
        when v.refusal is not null then v.refusal || ', ' || s.status
        when s.status <> 'scheduled' then 'TM905, ' || s.status
        else v.outcome
    end,
    case v.actor
        when 'nobody' then 'an unauthenticated caller'
        when 'admin' then 'an admin'
        else replace('the ' || v.actor, 'the other_', 'another ')
    end
    || case when v.refusal is null and s.status = 'scheduled' then ' can ' else ' cannot ' end
    || v.verb || ' a ' || s.status || ' consultation')
from (values
    ('complete', 'completed', 'doctor', null), ('complete', 'completed', 'other_doctor', 'TM403'),
    ('complete', 'completed', 'patient', 'TM301'),
    ('complete', 'completed', 'other_patient', 'TM301'),
    ('complete', 'completed', 'admin', 'TM301'), ('complete', 'completed', 'nobody', 'TM101'),
    ('cancel', 'cancelled', 'doctor', null), ('cancel', 'cancelled', 'other_doctor', 'TM403'),
    ('cancel', 'cancelled', 'patient', null), ('cancel', 'cancelled', 'other_patient', 'TM403'),
    ('cancel', 'cancelled', 'admin', null), ('cancel', 'cancelled', 'nobody', 'TM101'),
    ('reschedule', 'scheduled', 'doctor', 'TM301'),
    ('reschedule', 'scheduled', 'other_doctor', 'TM301'),
    ('reschedule', 'scheduled', 'patient', null),
    ('reschedule', 'scheduled', 'other_patient', 'TM403'),
    ('reschedule', 'scheduled', 'admin', 'TM301'), ('reschedule', 'scheduled', 'nobody', 'TM101')
) as v (verb, outcome, actor, refusal)
cross join unnest('{scheduled,completed,cancelled}'::text[]) as s (status);

-- The table of transitions decides
delete from app.consultation_transitions where to_status = 'cancelled';
select is(
    pg_temp.refusal('nobody', format(
        'update app.consultations set status = ''cancelled'' where id = %L',
        pg_temp.consultation('scheduled'))),
    'TM905', 'a transition that is deleted from the table is refused for a direct update');
select is(
    pg_temp.attempt('patient', 'cancel', 'scheduled'), 'TM905, scheduled',
    'a transition that is deleted from the table is refused for a function');
insert into app.consultation_transitions values ('scheduled', 'cancelled');
select is(
    pg_temp.attempt('patient', 'cancel', 'scheduled'), 'cancelled',
    'a transition that is put back into the table is possible again');
alter table app.consultations drop constraint consultations_status_is_known;
-- A new status needs a new type of event.
alter domain app.event_type drop constraint event_type_is_known;
select pg_temp.consultation('scheduled') as missed \gset
select is(
    pg_temp.refusal('nobody', format(
        'update app.consultations set status = ''no_show'' where id = %L', :'missed')),
    'TM905', 'a new status cannot be reached without a transition to it');
insert into app.consultation_transitions values ('scheduled', 'no_show');
select is(
    pg_temp.refusal('nobody', format(
        'update app.consultations set status = ''no_show'' where id = %L', :'missed')),
    null, 'a new status can be reached by a transition to it');
insert into app.consultation_transitions
values ('completed', 'cancelled'), ('no_show', 'scheduled');
select is(
    pg_temp.refusal('nobody', format(
        'update app.consultations set status = ''cancelled'' where id = %L',
        pg_temp.consultation('completed'))),
    'TM912', 'a transition from completed has no effect: a completed consultation is immutable');
select is(
    pg_temp.refusal('nobody', format(
        'update app.consultations set status = ''scheduled'' where id = %L', :'missed')),
    'TM912',
    'a transition back to scheduled has no effect: a consultation that has ended is immutable');

-- Columns that may and that may not change: each with a value that differs
create temp table change (field name primary key, value text not null) on commit drop;
insert into change values
('id', 'gen_random_uuid()'),
('slot_id', 'pg_temp.open_slot(''doctor'', pg_temp.hour())'),
('doctor_id', 'pg_temp.id_of(''other_doctor'')'),
('patient_id', 'pg_temp.id_of(''other_patient'')'), ('patient_role', '''doctor'''),
('starts_at', 'starts_at - interval ''1 minute'''),
('ends_at', 'ends_at + interval ''1 minute'''),
('status', '''cancelled'''),
('reason', '''Another reason'''),
('notes', '''Other notes'''),
('cancellation_reason', '''Another reason'''),
('fee_minor', 'fee_minor + 1'),
('currency', '''USD'''),
('created_at', 'created_at - interval ''1 minute'''),
('updated_at', 'updated_at - interval ''1 minute'''),
('completion_digest', 'sha256(''made up'')'),
('calendar_sequence', 'calendar_sequence + 1');
select set_eq(
    'select field from change',
    $$select attname from pg_attribute
      where attrelid = 'app.consultations'::regclass and attnum > 0 and not attisdropped$$,
    'the changes of this test cover every column of a consultation');
select is_empty(
    format(
        $$select c.field from change as c
          where pg_temp.refusal('nobody', format(
              'update app.consultations set %%I = %%s where id = %%L', c.field, c.value,
              pg_temp.consultation(%L))) is distinct from 'TM912'$$, s),
    'no column of a ' || s || ' consultation can change')
from unnest('{completed,cancelled}'::text[]) as s;
select bag_eq(
    $$select c.field::text, pg_temp.refusal('nobody', format(
          'update app.consultations set %I = %s where id = %L', c.field, c.value,
          pg_temp.consultation('scheduled')))
      from change as c$$,
    $$values ('id', 'TM912'), ('patient_id', 'TM912'), ('doctor_id', 'TM912'),
          ('starts_at', 'TM912'), ('ends_at', 'TM912'), ('reason', 'TM912'),
          ('patient_role', '23514'), ('fee_minor', 'TM912'), ('currency', 'TM912'),
          ('created_at', 'TM912'), ('notes', '23514'), ('cancellation_reason', '23514'),
          ('slot_id', null), ('status', null), ('updated_at', null),
          ('completion_digest', null), ('calendar_sequence', null)$$,
    'a scheduled consultation can change its slot and its status only');

-- The database sets the time of a change
select pg_temp.consultation('scheduled') as booking \gset
select pg_temp.set_clock('2027-01-04 08:05:00+00');
update app.consultations set updated_at = '2020-01-01 00:00:00+00' where id = :'booking';
select is(
    (c.created_at, c.updated_at)::text,
    (timestamptz '2027-01-04 08:00:00+00', timestamptz '2027-01-04 08:05:00+00')::text,
    'the time of the last change is that of the database, whatever an update says')
from app.consultations as c where c.id = :'booking';

-- The database computes the digest
select pg_temp.consultation('scheduled') as digested \gset
update app.consultations set completion_digest = sha256('made up') where id = :'digested';
select is(c.completion_digest, null, 'a scheduled consultation cannot be given a digest')
from app.consultations as c where c.id = :'digested';
update app.consultations set status = 'completed', completion_digest = sha256('made up')
where id = :'digested';
select is(c.completion_digest, app.consultation_digest(c),
    'the digest of a completed consultation is computed, whatever an update says')
from app.consultations as c where c.id = :'digested';

-- The database counts what moves a consultation in a calendar
select pg_temp.consultation('scheduled') as counted \gset
update app.consultations set calendar_sequence = 7 where id = :'counted';
select is(c.calendar_sequence, 0, 'a calendar sequence is counted, whatever an update says')
from app.consultations as c where c.id = :'counted';
update app.consultations
set slot_id = pg_temp.open_slot('doctor', pg_temp.hour()) where id = :'counted';
select is(c.calendar_sequence, 1, 'a reschedule increases the calendar sequence')
from app.consultations as c where c.id = :'counted';
update app.consultations set status = 'cancelled' where id = :'counted';
select is(c.calendar_sequence, 2, 'a cancellation increases the calendar sequence')
from app.consultations as c where c.id = :'counted';
select pg_temp.consultation('completed') as treated \gset
select is(c.calendar_sequence, 0, 'a completion leaves the calendar sequence as it is')
from app.consultations as c where c.id = :'treated';
insert into app.consultations
    (slot_id, doctor_id, patient_id, starts_at, ends_at, fee_minor, currency, calendar_sequence)
select s.id, pg_temp.id_of('doctor'), pg_temp.id_of('patient'), now(), now(), 0, 'EUR', 7
from pg_temp.open_slot('doctor', pg_temp.hour()) as s (id)
returning calendar_sequence as first_sequence \gset
select is(:first_sequence, 0, 'a new consultation has the calendar sequence 0');

-- Consultations are kept
select is(
    pg_temp.refusal('nobody', format(
        'delete from app.consultations where id = %L', pg_temp.consultation(s))),
    'TM912', 'a ' || s || ' consultation cannot be deleted')
from unnest('{scheduled,completed,cancelled}'::text[]) as s;
select throws_ok(
    'truncate app.consultations cascade', 'TM912',
    'TRUNCATE of consultations is not allowed: its rows are kept as they were written',
    'the table of consultations cannot be truncated');

select * from finish();
rollback;
