begin;
\ir ../helpers/actors.psql
select plan(42);

select pg_temp.open_slot('doctor', '2027-01-05 09:00:00+00') as slot \gset
select pg_temp.open_slot('doctor', '2027-01-05 10:00:00+00') as second_slot \gset
select pg_temp.open_slot('doctor', '2027-01-05 11:00:00+00') as third_slot \gset
select pg_temp.booking('patient', :'slot') as completed \gset
select pg_temp.booking('patient', :'second_slot') as cancelled \gset
select pg_temp.booking('patient', :'third_slot') as scheduled \gset
select status from api.cancel_consultation(:'cancelled') \gset
select pg_temp.sign_in('doctor');
select status from api.complete_consultation(:'completed') \gset
reset role;

-- The owner of the tables writes directly here, without the functions.
create function pg_temp.item_sql(
    p_prescription_id uuid, p_position integer, p_drug text default 'Ibuprofen',
    p_dosage text default '200 mg', p_instructions text default null, p_days integer default null)
returns text language sql
as $$
    select format(
        'insert into app.prescription_items '
        '(prescription_id, position, drug, dosage, instructions, duration_days) '
        'values (%L, %L, %L, %L, %L, %L)',
        p_prescription_id, p_position, p_drug, p_dosage, p_instructions, p_days)
$$;

-- Only for a completed consultation
select is(
    pg_temp.refusal('nobody', format(
        'insert into app.prescriptions (consultation_id) values (%L)', v.id)),
    v.refusal, v.sentence)
from (values
    (:'scheduled', 'TM907', 'a scheduled consultation cannot have a prescription'),
    (:'cancelled', 'TM907', 'a cancelled consultation cannot have a prescription'),
    (gen_random_uuid()::text, 'TM907',
     'a consultation that does not exist cannot have a prescription'),
    (null, 'TM907', 'a prescription cannot have a null consultation'),
    (:'completed', null, 'a completed consultation may have a prescription')
) as v (id, refusal, sentence);

-- A prescription has an item when the transaction ends
select is(
    pg_temp.refusal_at_commit('nobody', 'select'), 'TM209',
    'a transaction with a prescription without items cannot commit');
select is(
    pg_temp.refusal_at_commit('nobody', pg_temp.item_sql(p.id, 50)), null,
    'a prescription with one item at position 50 can be committed')
from app.prescriptions as p;
select is(
    pg_temp.refusal_at_commit('nobody', format(
        'insert into app.prescriptions (consultation_id) values (%L)', :'completed')),
    'TM209', 'the items of another prescription do not make a prescription complete');
set local role telemed_api;
select is(
    pg_temp.refusal_at_commit('doctor', format(
        'select api.issue_prescription(%L, ''[{"drug": "Ibuprofen", "dosage": "400 mg"}]'')',
        :'completed')),
    null, 'the check for items at commit also works for telemed_api, which may read no table');
reset role;

-- Without the triggers
alter table app.prescriptions disable trigger prescriptions_follow_a_completed_consultation;
select is(
    pg_temp.refusal('nobody', format(
        'insert into app.prescriptions (consultation_id) values (%L)', v.id)),
    v.refusal, v.sentence)
from (values
    (gen_random_uuid(), '23503',
     'the foreign key alone refuses a prescription of a consultation that does not exist'),
    (null, '23502 consultation_id', 'the consultation of a prescription is never null')
) as v (id, refusal, sentence);
alter table app.prescriptions enable trigger prescriptions_follow_a_completed_consultation;
select is(
    pg_temp.refusal('nobody', format(
        'insert into app.prescriptions (consultation_id, notes, issued_at) values (%L, %L, %L)',
        :'completed', v.notes, v.issued_at)),
    v.refusal, v.sentence)
from (values
    ('', now()::text, '23514', 'the notes of a prescription are not empty'),
    (repeat('n', 4001), now()::text, '23514',
     'the notes of a prescription have at most 4000 characters'),
    (null, 'infinity', '23514', 'the time at which a prescription is issued is finite'),
    (null, null, '23502 issued_at', 'a prescription always has the time at which it was issued')
) as v (notes, issued_at, refusal, sentence);

-- Items are written with their prescription
insert into app.prescriptions (consultation_id) values (:'completed')
returning id as prescription \gset
select is(pg_temp.refusal('nobody', v.statement), v.refusal, v.sentence)
from (values
    (pg_temp.item_sql(:'prescription', 1), null, 'a prescription may have an item at position 1'),
    (pg_temp.item_sql(:'prescription', 1), '23505',
     'a prescription cannot have two items at one position'),
    (pg_temp.item_sql(:'prescription', 50), null, 'a prescription may have an item at position 50'),
    (pg_temp.item_sql(:'prescription', 51), '23514',
     'a prescription cannot have an item at position 51'),
    (pg_temp.item_sql(:'prescription', 0), '23514',
     'a prescription cannot have an item at position 0'),
    (pg_temp.item_sql(:'prescription', null), '23502 position', 'an item always has a position'),
    (pg_temp.item_sql(:'prescription', 2, p_drug => null), '23502 drug',
     'an item always has a drug'),
    (pg_temp.item_sql(:'prescription', 2, p_drug => '  '), '23514',
     'the drug of an item is not blank'),
    (pg_temp.item_sql(:'prescription', 2, p_drug => repeat('d', 201)), '23514',
     'the drug of an item has at most 200 characters'),
    (pg_temp.item_sql(:'prescription', 2, p_dosage => null), '23502 dosage',
     'an item always has a dosage'),
    (pg_temp.item_sql(:'prescription', 2, p_dosage => ''), '23514',
     'the dosage of an item is not empty'),
    (pg_temp.item_sql(:'prescription', 2, p_instructions => ''), '23514',
     'the instructions of an item are not empty'),
    (pg_temp.item_sql(:'prescription', 2, p_days => 0), '23514',
     'an item cannot have a duration of 0 days'),
    (pg_temp.item_sql(:'prescription', 2, p_days => 3651), '23514',
     'an item cannot have a duration of 3651 days'),
    (pg_temp.item_sql(:'prescription', 2, p_days => 1), null,
     'an item may have a duration of one day'),
    (pg_temp.item_sql(:'prescription', 3, p_days => 3650), null,
     'an item may have a duration of 3650 days')
) as v (statement, refusal, sentence);

-- Nothing is added later
select pg_temp.set_clock('2027-01-04 08:00:00.000001+00');
select is(
    pg_temp.refusal('nobody', pg_temp.item_sql(:'prescription', 4)),
    'TM912', 'an item cannot be added one microsecond after its prescription was issued');
select is(
    pg_temp.refusal('nobody', pg_temp.item_sql(gen_random_uuid(), 1)),
    'TM912', 'an item cannot be added to a prescription that does not exist');
alter table app.prescription_items disable trigger prescription_items_are_issued_at_once;
select is(
    pg_temp.refusal('nobody', pg_temp.item_sql(gen_random_uuid(), 1)),
    '23503', 'the foreign key alone refuses an item of a prescription that does not exist');
alter table app.prescription_items enable trigger prescription_items_are_issued_at_once;

-- Issued prescriptions are immutable
select is(pg_temp.refusal('nobody', v.statement), 'TM912', v.sentence)
from (values
    ('update app.prescriptions set notes = ''Other notes''', 'a prescription cannot be changed'),
    ('update app.prescriptions set issued_at = issued_at',
     'an update of a prescription is refused even if it changes no value'),
    ('delete from app.prescriptions', 'a prescription cannot be deleted'),
    ('update app.prescription_items set dosage = ''400 mg''', 'an item cannot be changed'),
    ('delete from app.prescription_items', 'an item cannot be deleted'),
    ('truncate app.prescription_items', 'the table of prescription items cannot be truncated')
) as v (statement, sentence);
select is(
    pg_temp.refusal_at_commit('nobody', 'select'), null,
        'the prescriptions of this test have their items at commit');
select throws_ok(
    'truncate app.prescriptions cascade', 'TM912',
    'TRUNCATE of prescriptions is not allowed: its rows are kept as they were written',
    'the table of prescriptions cannot be truncated');

select * from finish();
rollback;
