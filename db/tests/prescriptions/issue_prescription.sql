begin;
\ir ../helpers/actors.psql
select plan(46);

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
    (:'booking', 'nothing is prescribed before the consultation is completed'),
    (:'cancelled', 'nor after it was cancelled')
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
    is(p.id, :'prescription', 'its doctor prescribes after a completed consultation'),
    is(p.consultation_id, :'booking', 'for that consultation'),
    is(
        (p.doctor_id, p.patient_id), (pg_temp.id_of('doctor'), pg_temp.id_of('patient')),
        'whose doctor and patient it has'),
    is(
        p.items::text[],
        '{"(Ibuprofen,\"200 mg\",\"After meals\",5)","(Atropine,\"1 drop\",,)"}',
        'with its items in the order given'),
    is(p.notes, 'Come back if it gets worse', 'with notes'),
    is(p.issued_at, '2027-01-05 09:30:00+00', 'now'),
    is(to_jsonb(p), :'answer'::jsonb, 'and the answer says so'))
from api.list_prescriptions(:'booking') as p;
select isnt(p.id, :'prescription', 'a second prescription is another one')
from api.issue_prescription(:'booking', :'one_item') as p;

-- What can be prescribed
select is(
    pg_temp.refusal('doctor', format('select api.issue_prescription(%L, %L)', :'booking', v.items)),
    v.refusal, v.sentence)
from (values
    (null, 'TM201 items', 'items are needed'),
    ('null', 'TM201 items', 'nothing is not an item'),
    ('[]', 'TM201 items', 'at least one is needed'),
    ('{"drug": "a", "dosage": "b"}', 'TM201 items', 'one item stands in a list, too'),
    ('"Ibuprofen"', 'TM201 items', 'a name is not a list'),
    ('["Ibuprofen"]', 'TM201 items', 'nor is it an item'),
    ('[null]', 'TM201 items', 'nor is nothing'),
    ('[[]]', 'TM201 items', 'nor is an empty list'),
    ('[[{"drug": "a", "dosage": "b"}]]', 'TM201 items', 'nor is a list of items'),
    ('[{"drug": "a", "dosage": "b"}, 5]', 'TM201 items', 'nor is a number after a good item'),
    ('[{"drug": "a", "dosage": "b", "refills": 2}]', 'TM201 items', 'what is not known is refused'),
    ('[{"drug": "a", "dosage": "b", "Drug": "c"}]', 'TM201 items',
     'names are written in small letters'),
    ('[{"drug": {"name": "a"}, "dosage": "b"}]', 'TM201 items', 'a drug is a text'),
    ('[{"drug": "a", "dosage": ["b"]}]', 'TM201 items', 'a dosage is a text'),
    ('[{"drug": "a", "dosage": "b", "instructions": {}}]', 'TM201 items',
     'instructions are a text'),
    ('[{}]', '23502 drug', 'an item is not empty'),
    ('[{"dosage": "b"}]', '23502 drug', 'an item has a drug'),
    ('[{"drug": null, "dosage": "b"}]', '23502 drug', 'which is known'),
    ('[{"drug": "a"}]', '23502 dosage', 'an item has a dosage'),
    ('[{"drug": "", "dosage": "b"}]', '23514', 'a drug has a name'),
    ('[{"drug": "a", "dosage": "b", "duration_days": 0}]', '23514',
     'a drug is taken for some days'),
    ('[{"drug": "a", "dosage": "b", "duration_days": 3651}]', '23514', 'for ten years at most'),
    ('[{"drug": "a", "dosage": "b", "duration_days": 40000}]', '22003', 'not for a century'),
    ('[{"drug": "a", "dosage": "b", "duration_days": 1.5}]', '22P02', 'for whole days'),
    ('[{"drug": "a", "dosage": "b", "duration_days": "some"}]', '22P02', 'that are a number')
) as v (items, refusal, sentence);
select is(
    pg_temp.refusal('doctor', format(
        'select api.issue_prescription(%L, %L)', :'booking',
        (select jsonb_agg(:'one_item'::jsonb -> 0) from generate_series(1, v.n)))),
    v.refusal, v.sentence)
from (values
    (50, null, 'a prescription may have fifty items'), (51, 'TM201 items', 'but not fifty-one')
) as v (n, refusal, sentence);
select is(
    pg_temp.refusal('doctor', format(
        'select api.issue_prescription(%L, %L, %L)', :'booking', :'one_item', v.notes)),
    '23514', v.sentence)
from (values
    ('', 'notes are not empty'), (repeat('n', 4001), 'nor longer than 4000 characters')
) as v (notes, sentence);
select pg_temp.sign_in('doctor');
select is(count(*), 3::bigint, 'what was refused has left nothing')
from api.list_prescriptions(:'booking');

-- Who may not
select is(
    pg_temp.refusal(v.actor, format('select api.issue_prescription(%L, %L)', v.id, :'one_item')),
    v.refusal, v.sentence)
from (values
    ('other_doctor', :'booking', 'TM403', 'another doctor does not even learn of the consultation'),
    ('patient', :'booking', 'TM301', 'a patient may not prescribe'),
    ('admin', :'booking', 'TM301', 'an admin may not prescribe'),
    ('nobody', :'booking', 'TM101', 'nobody prescribes without signing in'),
    ('doctor', gen_random_uuid()::text, 'TM403',
     'nothing is prescribed after a consultation that never was'),
    ('doctor', null, 'TM403', 'nor after none')
) as v (actor, id, refusal, sentence);

select * from finish();
rollback;
