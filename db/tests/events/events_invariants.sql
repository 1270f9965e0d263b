begin;
\ir ../helpers/actors.psql
\ir ../helpers/invariants.psql
select plan(21);

create function pg_temp.event_of(p_id uuid, p_number integer) returns bigint language sql
as $$
    select e.id from app.events as e where e.consultation_id = p_id and e.sequence_number = p_number
$$;

insert into broken (sentence, report, sql, traces)
select v.sentence,
    format('events_of_a_consultation_lead_to_its_present_state 1 {%s}', v.id), v.sql, true
from (values
    ('a consultation whose status has changed without an event is reported', :'moved',
     format($$ update app.events set data = data || '{"status": "cancelled"}' where id = %s $$,
        pg_temp.event_of(:'moved', 2))),
    ('a reschedule from another slot than that of the consultation is reported', :'moved',
     format($$ update app.events set data = data || '{"former_slot_id": "%s"}' where id = %s $$,
        :'slot_1', pg_temp.event_of(:'moved', 2))),
    ('a reschedule that is told as a booking is reported', :'moved',
     format($$ update app.events set type = 'consultation.booked' where id = %s $$,
        pg_temp.event_of(:'moved', 2))),
    ('a completion with another fee is reported', :'completed',
     format($$ update app.events set data = data || '{"fee_minor": 1}' where id = %s $$,
        pg_temp.event_of(:'completed', 2))),
    ('an event with another patient is reported', :'scheduled',
     format($$ update app.events set patient_id = doctor_id where id = %s $$,
        pg_temp.event_of(:'scheduled', 1))),
    ('an event with another time is reported', :'scheduled',
     format($$ update app.events set data = data || '{"ends_at": "2027-01-05T13:00:00+00:00"}'
               where id = %s $$, pg_temp.event_of(:'scheduled', 1))),
    ('a cancellation that is told as a completion is reported', :'cancelled',
     format($$ update app.events set type = 'consultation.completed' where id = %s $$,
        pg_temp.event_of(:'cancelled', 2)))
    ) as v (sentence, id, sql);

insert into broken (sentence, report, sql, traces)
select v.sentence, v.report, v.sql, true
from (values
    ('a consultation whose only event is missing is reported',
     format('events_of_a_consultation_are_numbered_in_their_order 1 {%s}; '
         'events_of_a_consultation_lead_to_its_present_state 1 {%s}', :'scheduled', :'scheduled'),
     format('delete from app.events where id = %s', pg_temp.event_of(:'scheduled', 1))),
    ('a reschedule without an event is reported',
     format('events_of_a_consultation_are_numbered_in_their_order 1 {%s}; '
         'events_of_a_consultation_lead_to_its_present_state 1 {%s}', :'moved', :'moved'),
     format('delete from app.events where id = %s', pg_temp.event_of(:'moved', 2))),
    ('a booking without an event is reported',
     format('events_of_a_consultation_lead_to_its_present_state 1 {%s}', :'moved'),
     format('delete from app.events where id = %s', pg_temp.event_of(:'moved', 1))),
    ('a gap in the numbers of a consultation is reported',
     format('events_of_a_consultation_are_numbered_in_their_order 1 {%s}', :'completed'),
     format($$ update app.events set sequence_number = sequence_number + 1
               where consultation_id = %L and sequence_number > 1;
               update app.latest_events set sequence_number = sequence_number + 1
               where consultation_id = %L $$, :'completed', :'completed')),
    ('an event that names another predecessor is reported',
     format('events_of_a_consultation_are_numbered_in_their_order 1 {%s}', :'moved'),
     format('update app.events set predecessor_id = 1 where id = %s',
        pg_temp.event_of(:'moved', 2))),
    ('an event that is read before its predecessor is reported',
     format('events_of_a_consultation_are_numbered_in_their_order 1 {%s}', :'moved'),
     format($$ update app.events set transaction_id = '1' where id = %s $$,
        pg_temp.event_of(:'moved', 2))),
    ('a newest event that is not the newest is reported',
     format('events_of_a_consultation_are_numbered_in_their_order 1 {%s}', :'moved'),
     format('update app.latest_events set sequence_number = 1 where consultation_id = %L',
        :'moved')),
    ('a payment without an event is reported',
     format('every_payment_and_prescription_has_its_event 1 {"payment %s"}', :'payment'),
     format($$ update app.events set data = '{"payment_id": null}'
               where data ->> 'payment_id' = %L $$, :'payment')),
    ('a payment without an event that was made at the time of the first event is reported',
     format('every_payment_and_prescription_has_its_event 1 {"payment %s"}; '
         'the_newest_version_of_a_row_has_its_audit_row 1 {"payments %s"}', :'payment', :'payment'),
     format($$ update app.events set data = '{"payment_id": null}'
               where data ->> 'payment_id' = %L;
               update app.payments set created_at = (
                   select min(e.occurred_at) from app.events as e where e.consultation_id = %L)
               where id = %L $$, :'payment', :'completed', :'payment')),
    ('a prescription without an event is reported',
     format('every_payment_and_prescription_has_its_event 1 {"prescription %s"}', :'prescription'),
     format($$ update app.events set type = 'consultation.joined'
               where data ->> 'prescription_id' = %L $$, :'prescription')),
    ('an event in the default partition is reported',
     'events_are_in_the_partition_of_their_month 1 {app.events_default}',
     $$ insert into app.events (occurred_at, type) values ('2100-01-01', 'account.created') $$)
    ) as v (sentence, report, sql);

select is(pg_temp.report_on(b.sql, b.triggers, b.traces), b.report, b.sentence)
from broken as b order by b.n;
select is_empty(
    $$ select i.name from app.events_invariants(now() - interval '1 hour') as i
       where i.violations <> '{}' $$,
    'events_invariants: the rows of the last hour are compared with their events');
select is(
    app.events_kept_since(),
    (select min(to_date(right(c.relname, 7), 'YYYY_MM'))::timestamp at time zone 'UTC'
     from pg_class as c
     where c.relkind = 'r' and c.relname ~ '^events_[0-9]{4}_[0-9]{2}$'),
    'events_kept_since: the oldest month of which events are kept');
select is_empty(
    $$ select * from pg_temp.unbroken('app.events_invariants') $$,
    'every invariant of events is broken by a case');

select * from finish();
rollback;
