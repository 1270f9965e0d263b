begin;
\ir ../helpers/actors.psql
\ir ../helpers/webhooks.psql
select plan(7);

select pg_temp.webhook() as webhook \gset
select pg_temp.open_slot('doctor', '2027-01-05 09:00:00+00') as slot \gset
select pg_temp.sign_in('patient', p_request_id => 'request-of-patient');
select id as booking
from api.book_consultation(p_slot_id => :'slot', p_idempotency_key => 'book') \gset
reset role;
select e.id as event from app.events as e where e.consultation_id = :'booking' \gset
select app.add_messages_of_event(e), app.add_deliveries_of_event(e)
from app.events as e where e.id = :event \g /dev/null
select m.id as message from app.messages as m where m.event_id = :event limit 1 \gset
select d.id as delivery from app.webhook_deliveries as d where d.event_id = :event limit 1 \gset
insert into app.events (type) values ('account.created') returning id as by_hand \gset

set local role telemed_worker;
select is(work.request_of_job(v.arguments::jsonb), v.request_id, 'request_of_job: ' || v.sentence)
from (values
    (format('{"event_id": %s}', :event), 'request-of-patient',
     'the job of an event has the request of the event'),
    (format('{"first_id": %s, "last_id": %s}', :event, :event), 'request-of-patient',
     'a job of several events has that of the first'),
    (format('{"message_id": "%s"}', :'message'), 'request-of-patient',
     'the job of a message has that of its event'),
    (format('{"delivery_id": "%s"}', :'delivery'), 'request-of-patient',
     'the job of a delivery has that of its event'),
    (format('{"event_id": %s}', :by_hand), null,
     'an event that no request has caused has none'),
    ('{"event_id": -1}', null, 'an event that is not kept has none'),
    ('{"timestamp": 1}', null, 'a job of the schedule has none')) as v (arguments, request_id, sentence);

select * from finish();
rollback;
