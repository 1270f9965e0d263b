begin;
\ir ../helpers/actors.psql
select plan(10);

select pg_temp.open_slot('doctor', '2027-01-05 09:00:00+00') as slot \gset
select pg_temp.booking('patient', :'slot') as booking \gset
select pg_temp.sign_in('doctor');
select status from api.complete_consultation(:'booking') \gset
select id as prescription, to_jsonb(p) as answer
from api.issue_prescription(
    :'booking', '[{"drug": "Ibuprofen", "dosage": "1 g"}, {"drug": "Zinc", "dosage": "1 mg"}]') as p
\gset

select is(
    to_jsonb(p), :'answer'::jsonb,
    'get_prescription: the doctor reads the prescription as it was issued')
from api.get_prescription(:'prescription') as p;
select pg_temp.sign_in('admin');
select is(to_jsonb(p), :'answer'::jsonb, 'get_prescription: an admin reads the prescription')
from api.get_prescription(:'prescription') as p;
select pg_temp.sign_in('patient');
select is(to_jsonb(p), :'answer'::jsonb, 'get_prescription: the patient reads the prescription')
from api.get_prescription(:'prescription') as p;
reset role;
select is(
    array_agg(format('%s %s', a.name, l.resource_ids) order by l.id),
    array[format('doctor {%s}', :'booking'), format('admin {%s}', :'booking')],
    'get_prescription: the access log has the reads of the doctor and the admin')
from app.access_logs as l
inner join actor as a on a.id = l.user_id
where l.kind = 'read' and l.operation = 'get_prescription';
set local role telemed_api;

-- Refusals
select is(
    pg_temp.refusal(v.actor, format('select api.get_prescription(%L)', v.id)),
    v.refusal, 'get_prescription: ' || v.sentence)
from (values
    ('other_patient', :'prescription', 'TM408', 'another patient does not find it'),
    ('other_doctor', :'prescription', 'TM408', 'another doctor does not find it'),
    ('nobody', :'prescription', 'TM101', 'a caller who is not logged in is refused'),
    ('admin', :'booking', 'TM408', 'the id of its consultation is refused'),
    ('admin', gen_random_uuid()::text, 'TM408', 'an id that does not exist is refused'),
    ('admin', null, 'TM408', 'a null id is refused')
) as v (actor, id, refusal, sentence);

select * from finish();
rollback;
