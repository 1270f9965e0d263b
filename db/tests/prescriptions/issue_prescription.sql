begin;
\ir ../helpers/actors.psql
\ir ../helpers/keys.psql
select plan(52);

select pg_temp.open_slot('doctor', '2027-01-05 09:00:00+00') as slot \gset
select pg_temp.open_slot('doctor', '2027-01-05 10:00:00+00') as second_slot \gset
select pg_temp.booking('patient', :'slot') as booking \gset
select pg_temp.booking('patient', :'second_slot') as cancelled \gset
select status from api.cancel_consultation(:'cancelled') \gset
\set one_item '[{"drug": "Ibuprofen", "dosage": "200 mg"}]'

-- Not before the consultation is completed
select is(
    pg_temp.refusal('doctor', format('select api.issue_prescription(%L, %L)', v.id, :'one_item')),
    'TM907', v.sentence)
from (values
    (:'booking', 'issue_prescription: a scheduled consultation is refused'),
    (:'cancelled', 'issue_prescription: a cancelled consultation is refused')
) as v (id, sentence);
select pg_temp.sign_in('doctor');
select status from api.complete_consultation(:'booking') \gset

-- The permitted path
reset role;
select pg_temp.set_clock('2027-01-05 09:30:00+00');
set local role telemed_api;
select p.id as prescription, to_jsonb(p) as answer
from api.issue_prescription(
    :'booking',
    '[{"drug": "Ibuprofen", "dosage": "200 mg", "instructions": "After meals", "duration_days": 5},
      {"dosage": "1 drop", "drug": "Atropine", "duration_days": null}]',
    'Come back if it gets worse') as p \gset
select collect_tap(
    is(p.id, :'prescription', 'the doctor prescribes at a completed consultation'),
    is(p.consultation_id, :'booking', 'an issued prescription belongs to its consultation'),
    is(
        (p.doctor_id, p.patient_id), (pg_temp.id_of('doctor'), pg_temp.id_of('patient')),
        'an issued prescription has the doctor and the patient of its consultation'),
    is(
        p.items::text[],
        '{"(Ibuprofen,\"200 mg\",\"After meals\",5)","(Atropine,\"1 drop\",,)"}',
        'an issued prescription has its items in the given order'),
    is(p.notes, 'Come back if it gets worse', 'an issued prescription has the given notes'),
    is(p.issued_at, '2027-01-05 09:30:00+00',
        'an issued prescription has the time at which it was issued'),
    is(to_jsonb(p), :'answer'::jsonb,
        'issue_prescription returns the prescription as it is stored'))
from api.list_prescriptions(:'booking') as p;
select isnt(p.id, :'prescription', 'a second prescription at the same consultation has its own id')
from api.issue_prescription(:'booking', :'one_item') as p;

-- Valid and invalid items
select is(
    pg_temp.refusal('doctor', format('select api.issue_prescription(%L, %L)', :'booking', v.items)),
    v.refusal, v.sentence)
from (values
    (null, 'TM201 items', 'issue_prescription: null items are refused'),
    ('null', 'TM201 items', 'issue_prescription: a JSON null for the items is refused'),
    ('[]', 'TM201 items', 'issue_prescription: an empty array of items is refused'),
    ('{"drug": "a", "dosage": "b"}', 'TM201 items',
     'issue_prescription: an item outside an array is refused'),
    ('"Ibuprofen"', 'TM201 items', 'issue_prescription: a text for the items is refused'),
    ('["Ibuprofen"]', 'TM201 items', 'issue_prescription: a text for an item is refused'),
    ('[null]', 'TM201 items', 'issue_prescription: a null item is refused'),
    ('[[]]', 'TM201 items', 'issue_prescription: an empty array for an item is refused'),
    ('[[{"drug": "a", "dosage": "b"}]]', 'TM201 items',
     'issue_prescription: an array of items for an item is refused'),
    ('[{"drug": "a", "dosage": "b"}, 5]', 'TM201 items',
     'issue_prescription: a number after a valid item is refused'),
    ('[{"drug": "a", "dosage": "b", "refills": 2}]', 'TM201 items',
     'issue_prescription: an unknown field of an item is refused'),
    ('[{"drug": "a", "dosage": "b", "Drug": "c"}]', 'TM201 items',
     'issue_prescription: a field of an item with a capital letter is refused'),
    ('[{"drug": {"name": "a"}, "dosage": "b"}]', 'TM201 items',
     'issue_prescription: an object for a drug is refused'),
    ('[{"drug": "a", "dosage": ["b"]}]', 'TM201 items',
     'issue_prescription: an array for a dosage is refused'),
    ('[{"drug": "a", "dosage": "b", "instructions": {}}]', 'TM201 items',
     'issue_prescription: an object for the instructions is refused'),
    ('[{}]', '23502 drug', 'issue_prescription: an empty item is refused'),
    ('[{"dosage": "b"}]', '23502 drug', 'issue_prescription: an item without a drug is refused'),
    ('[{"drug": null, "dosage": "b"}]', '23502 drug', 'issue_prescription: a null drug is refused'),
    ('[{"drug": "a"}]', '23502 dosage', 'issue_prescription: an item without a dosage is refused'),
    ('[{"drug": "", "dosage": "b"}]', '23514', 'issue_prescription: an empty drug is refused'),
    ('[{"drug": "a", "dosage": "b", "duration_days": 0}]', '23514',
     'issue_prescription: a duration of 0 days is refused'),
    ('[{"drug": "a", "dosage": "b", "duration_days": 3651}]', '23514',
     'issue_prescription: a duration of 3651 days is refused'),
    ('[{"drug": "a", "dosage": "b", "duration_days": 40000}]', '22003',
     'issue_prescription: a duration of 40000 days is refused'),
    ('[{"drug": "a", "dosage": "b", "duration_days": 1.5}]', '22P02',
     'issue_prescription: a duration of 1.5 days is refused'),
    ('[{"drug": "a", "dosage": "b", "duration_days": "some"}]', '22P02',
     'issue_prescription: a text for a duration is refused')
) as v (items, refusal, sentence);
select is(
    pg_temp.refusal('doctor', format(
        'select api.issue_prescription(%L, %L)', :'booking',
        (select jsonb_agg(:'one_item'::jsonb -> 0) from generate_series(1, v.n)))),
    v.refusal, v.sentence)
from (values
    (50, null, 'issue_prescription: 50 items are accepted'), (51, 'TM201 items',
     'issue_prescription: 51 items are refused')
) as v (n, refusal, sentence);
select is(
    pg_temp.refusal('doctor', format(
        'select api.issue_prescription(%L, %L, %L)', :'booking', :'one_item', v.notes)),
    '23514', v.sentence)
from (values
    ('', 'issue_prescription: empty notes are refused'), (repeat('n', 4001),
     'issue_prescription: notes of 4001 characters are refused')
) as v (notes, sentence);
select pg_temp.sign_in('doctor');
select is(count(*), 3::bigint, 'a refused prescription leaves no row')
from api.list_prescriptions(:'booking');

-- Callers that are refused
select is(
    pg_temp.refusal(v.actor, format('select api.issue_prescription(%L, %L)', v.id, :'one_item')),
    v.refusal, v.sentence)
from (values
    ('other_doctor', :'booking', 'TM403',
     'issue_prescription: a consultation of another doctor is reported as not found'),
    ('patient', :'booking', 'TM301', 'a patient cannot prescribe'),
    ('admin', :'booking', 'TM301', 'an admin cannot prescribe'),
    ('nobody', :'booking', 'TM101', 'an unauthenticated caller cannot prescribe'),
    ('doctor', gen_random_uuid()::text, 'TM403',
     'issue_prescription: a consultation that does not exist is refused'),
    ('doctor', null, 'TM403', 'issue_prescription: a null consultation id is refused')
) as v (actor, id, refusal, sentence);

-- Under an idempotency key
reset role;
select pg_temp.booking('patient', pg_temp.open_slot('doctor', '2027-06-01 09:00:00+00'))
    as keyed \gset
select pg_temp.booking('patient', pg_temp.open_slot('doctor', '2027-06-01 10:00:00+00'))
    as scheduled \gset
select pg_temp.sign_in('doctor');
select status from api.complete_consultation(:'keyed') \gset
select pg_temp.honours_key('issue_prescription', 'doctor',
    format($$ %L, '[{"drug": "A", "dosage": "1 g"}, {"drug": "B", "dosage": "2 g"}]', null $$,
        :'keyed'),
    format($$ %L, '[{"drug": "A", "dosage": "1 mg"}]', null $$, :'keyed'),
    format($$ %L, '[{"drug": "A", "dosage": "1 g"}]', null $$, :'scheduled'), 'TM907');

select * from finish();
rollback;
