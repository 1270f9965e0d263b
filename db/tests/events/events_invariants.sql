begin;
\ir ../helpers/actors.psql
\ir ../helpers/invariants.psql
select plan(39);

select to_char(date_trunc('month', now() at time zone 'UTC') + interval '1 month',
    '"events_"YYYY_MM') as next_month \gset

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
    ('a first event that is not a booking is reported', :'scheduled',
     format($$ update app.events set type = 'consultation.rescheduled' where id = %s $$,
        pg_temp.event_of(:'scheduled', 1))),
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
    ('a booking without an event is reported from the first instant of the kept months on',
     format('events_of_a_consultation_lead_to_its_present_state 1 {%s}; '
         'the_newest_version_of_a_row_has_its_audit_row 1 {"consultations %s"}', :'moved', :'moved'),
     format($$ delete from app.events where id = %s;
               update app.consultations set created_at = app.events_kept_since() where id = %L $$,
        pg_temp.event_of(:'moved', 1), :'moved')),
    ('a booking whose event was dropped with its month is not reported',
     format('the_newest_version_of_a_row_has_its_audit_row 1 {"consultations %s"}', :'moved'),
     format($$ delete from app.events where id = %s;
               update app.consultations
               set created_at = app.events_kept_since() - interval '1 microsecond'
               where id = %L $$,
        pg_temp.event_of(:'moved', 1), :'moved')),
    ('events without their consultation are reported',
     format('consultations_have_changed_only_as_permitted 1 {%s}; '
         'events_of_a_consultation_lead_to_its_present_state 1 {%s}', :'scheduled', :'scheduled'),
     format('delete from app.consultations where id = %L', :'scheduled')),
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
    ('an event that is read before its predecessor in this cluster is reported',
     format('events_of_a_consultation_are_numbered_in_their_order 1 {%s}', :'moved'),
     format($$ update app.events set transaction_id = '1' where id = %s;
               update app.event_origin set first_id = %s $$,
        pg_temp.event_of(:'moved', 2), pg_temp.event_of(:'moved', 1))),
    ('an event whose predecessor was written in another cluster is not reported', 'nothing',
     format($$ update app.events set transaction_id = '1' where id = %s;
               update app.event_origin set first_id = %s $$,
        pg_temp.event_of(:'moved', 2), pg_temp.event_of(:'moved', 2))),
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
     $$ insert into app.events (occurred_at, type) values ('2100-01-01', 'account.created') $$),
    ('a month of events that was dropped by hand is reported',
     format('no_month_of_events_was_dropped_by_hand 1 {app.%s}', :'next_month'),
     format('drop table app.%I', :'next_month')),
    ('a month of events that was detached is reported',
     format('no_month_of_events_was_dropped_by_hand 1 {app.%s}', :'next_month'),
     format('alter table app.events detach partition app.%I', :'next_month')),
    ('months before the first that is kept are not reported', 'nothing',
     format($$ drop table app.%I;
               update app.event_origin set first_month = first_month + interval '2 months' $$,
        :'next_month'))
    ) as v (sentence, report, sql);

insert into broken (sentence, report, sql)
values
(
    'a sequence of the audit log that is behind its rows is reported',
    'no_sequence_is_behind_its_column 1 {app.audit_logs_id_seq}',
    $$ insert into app.audit_logs (id, table_name, row_id, operation, new, row_hash)
       overriding system value
       select last_value + 1000, 'users', 'x', 'INSERT', '{}', sha256('')
       from app.audit_logs_id_seq $$
),
(
    'a sequence of the access log that is behind its rows is reported',
    'no_sequence_is_behind_its_column 1 {app.access_logs_id_seq}',
    $$ insert into app.access_logs (id, kind, operation, resource_ids)
       overriding system value
       select last_value + 1000, 'read', 'x', '{}' from app.access_logs_id_seq $$
),
(
    'a sequence of the queue that is behind its rows is reported',
    'no_sequence_is_behind_its_column 1 {procrastinate.procrastinate_jobs_id_seq}',
    $$ insert into procrastinate.procrastinate_jobs (id, queue_name, task_name)
       select last_value + 1000, 'default', 'purge'
       from procrastinate.procrastinate_jobs_id_seq $$
),
(
    'a row with a number that its sequence has drawn is not reported', 'nothing',
    $$ insert into app.access_logs (kind, operation, resource_ids) values ('read', 'x', '{}') $$
);

select is(pg_temp.report_on(b.sql, b.triggers, b.traces), b.report, b.sentence)
from broken as b order by b.n;
select is_empty(
    $$ select i.name from app.events_invariants(now() - interval '1 hour') as i
       where i.violations <> '{}' $$,
    'events_invariants: the rows of the last hour are compared with their events');
select is_empty(
    $$ select i.name from app.events_invariants(now() + interval '1 hour') as i
       where i.violations <> '{}' $$,
    'events_invariants: of older consultations not even recent events are compared');
select is(
    app.events_kept_since(),
    (select min(to_date(right(c.relname, 7), 'YYYY_MM'))::timestamp at time zone 'UTC'
     from pg_class as c
     where c.relkind = 'r' and c.relname ~ '^events_[0-9]{4}_[0-9]{2}$'),
    'events_kept_since: the oldest month of which events are kept');
select app.events_kept_since() as kept \gset
savepoint unnamed;
create table app.events_archive partition of app.events
for values from ('2001-01-01 00:00+00') to ('2001-01-02 00:00+00');
select is(app.events_kept_since(), :'kept',
    'events_kept_since: a partition without a month in its name is no month');
rollback to unnamed;
-- After months were dropped: a consultation that has ended, and one whose last events are kept
savepoint intact;
set local session_replication_role = replica;
update app.consultations set created_at = '2020-01-01', updated_at = '2020-01-02'
where id in (:'completed', :'moved');
update app.event_origin set dropped_id = (
    select max(e.id) from app.events as e where e.consultation_id = :'completed');
delete from app.events where consultation_id = :'completed';
delete from app.events where id = pg_temp.event_of(:'moved', 1);
select is_empty(
    $$ select i.name from app.events_invariants(null) as i where i.violations <> '{}' $$,
    'events_invariants: events that were dropped with their months are not missed');
savepoint dropped;
delete from app.latest_events where consultation_id = :'completed';
select is(
    i.violations::text, format('{%s}', :'completed'),
    'events_invariants: a consultation that never had an event is reported all the same')
from app.events_invariants(null) as i
where i.name = 'events_of_a_consultation_lead_to_its_present_state';
rollback to dropped;
update app.event_origin set dropped_id = 0;
select is(
    (select string_agg(i.name || ' ' || i.violations::text, '; ' order by i.name)
     from app.events_invariants(null) as i where i.violations <> '{}'),
    format('events_of_a_consultation_are_numbered_in_their_order {%s}; '
        'events_of_a_consultation_lead_to_its_present_state {%s}', :'completed', :'completed'),
    'events_invariants: they are missed where none were dropped');
rollback to intact;
select is_empty(
    $$ select * from pg_temp.unbroken('app.events_invariants') $$,
    'every invariant of events is broken by a case');

select * from finish();
rollback;
