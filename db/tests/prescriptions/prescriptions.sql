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

-- Everything here is written by the owner of the tables, past every function.
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
    (:'scheduled', 'TM907', 'a scheduled consultation has no prescription'),
    (:'cancelled', 'TM907', 'nor has a cancelled one'),
    (gen_random_uuid()::text, 'TM907', 'nor has one that does not exist'),
    (null, 'TM907', 'nor has none'),
    (:'completed', null, 'a completed one may have')
) as v (id, refusal, sentence);

-- When the transaction ends, a prescription has an item
select is(
    pg_temp.refusal_at_commit('nobody', 'select'), 'TM209',
    'a prescription without an item does not stay');
select is(
    pg_temp.refusal_at_commit('nobody', pg_temp.item_sql(p.id, 50)), null,
    'one item is enough, in whatever place')
from app.prescriptions as p;
select is(
    pg_temp.refusal_at_commit('nobody', format(
        'insert into app.prescriptions (consultation_id) values (%L)', :'completed')),
    'TM209', 'the items of another prescription do not count');
set local role telemed_api;
select is(
    pg_temp.refusal_at_commit('doctor', format(
        'select api.issue_prescription(%L, ''[{"drug": "Ibuprofen", "dosage": "400 mg"}]'')',
        :'completed')),
    null, 'that is read also where the REST API ends the transaction, which may read no table');
reset role;

-- Without the triggers
alter table app.prescriptions disable trigger prescriptions_follow_a_completed_consultation;
select is(
    pg_temp.refusal('nobody', format(
        'insert into app.prescriptions (consultation_id) values (%L)', v.id)),
    v.refusal, v.sentence)
from (values
    (gen_random_uuid(), '23503',
     'without the trigger a prescription still belongs to a consultation'),
    (null, '23502 consultation_id', 'and still has one')
) as v (id, refusal, sentence);
alter table app.prescriptions enable trigger prescriptions_follow_a_completed_consultation;
select is(
    pg_temp.refusal('nobody', format(
        'insert into app.prescriptions (consultation_id, notes, issued_at) values (%L, %L, %L)',
        :'completed', v.notes, v.issued_at)),
    v.refusal, v.sentence)
from (values
    ('', now()::text, '23514', 'notes are not empty'),
    (repeat('n', 4001), now()::text, '23514', 'nor longer than 4000 characters'),
    (null, 'infinity', '23514', 'a prescription is issued some day'),
    (null, null, '23502 issued_at', 'a prescription says when it was issued')
) as v (notes, issued_at, refusal, sentence);

-- Items are written with their prescription
insert into app.prescriptions (consultation_id) values (:'completed')
returning id as prescription \gset
select is(pg_temp.refusal('nobody', v.statement), v.refusal, v.sentence)
from (values
    (pg_temp.item_sql(:'prescription', 1), null, 'a prescription has an item'),
    (pg_temp.item_sql(:'prescription', 1), '23505', 'but one in each place'),
    (pg_temp.item_sql(:'prescription', 50), null, 'up to fifty'),
    (pg_temp.item_sql(:'prescription', 51), '23514', 'and no more'),
    (pg_temp.item_sql(:'prescription', 0), '23514', 'counted from one'),
    (pg_temp.item_sql(:'prescription', null), '23502 position', 'each has a place'),
    (pg_temp.item_sql(:'prescription', 2, p_drug => null), '23502 drug', 'a drug'),
    (pg_temp.item_sql(:'prescription', 2, p_drug => '  '), '23514', 'that has a name'),
    (pg_temp.item_sql(:'prescription', 2, p_drug => repeat('d', 201)), '23514',
     'of at most 200 characters'),
    (pg_temp.item_sql(:'prescription', 2, p_dosage => null), '23502 dosage', 'and a dosage'),
    (pg_temp.item_sql(:'prescription', 2, p_dosage => ''), '23514', 'that says something'),
    (pg_temp.item_sql(:'prescription', 2, p_instructions => ''), '23514',
     'instructions are not empty'),
    (pg_temp.item_sql(:'prescription', 2, p_days => 0), '23514', 'a drug is not taken for no day'),
    (pg_temp.item_sql(:'prescription', 2, p_days => 3651), '23514', 'nor for more than ten years'),
    (pg_temp.item_sql(:'prescription', 2, p_days => 1), null, 'it may be taken for one day'),
    (pg_temp.item_sql(:'prescription', 3, p_days => 3650), null, 'or for ten years')
) as v (statement, refusal, sentence);

-- Nothing is added later
select pg_temp.set_clock('2027-01-04 08:00:00.000001+00');
select is(
    pg_temp.refusal('nobody', pg_temp.item_sql(:'prescription', 4)),
    'TM912', 'a microsecond after it was issued nothing is added to a prescription');
select is(
    pg_temp.refusal('nobody', pg_temp.item_sql(gen_random_uuid(), 1)),
    'TM912', 'nor to one that does not exist');
alter table app.prescription_items disable trigger prescription_items_are_issued_at_once;
select is(
    pg_temp.refusal('nobody', pg_temp.item_sql(gen_random_uuid(), 1)),
    '23503', 'without the trigger an item still belongs to a prescription');
alter table app.prescription_items enable trigger prescription_items_are_issued_at_once;

-- What was issued is kept
select is(pg_temp.refusal('nobody', v.statement), 'TM912', v.sentence)
from (values
    ('update app.prescriptions set notes = ''Other notes''', 'a prescription is never changed'),
    ('update app.prescriptions set issued_at = issued_at', 'not even to what it says already'),
    ('delete from app.prescriptions', 'a prescription is never deleted'),
    ('update app.prescription_items set dosage = ''400 mg''', 'an item is never changed'),
    ('delete from app.prescription_items', 'an item is never deleted'),
    ('truncate app.prescription_items', 'items are never emptied out')
) as v (statement, sentence);
select is(
    pg_temp.refusal_at_commit('nobody', 'select'), null, 'what was issued here has its items');
select throws_ok(
    'truncate app.prescriptions cascade', 'TM912',
    'TRUNCATE of prescriptions is not allowed: its rows are kept as they were written',
    'prescriptions are never emptied out');

select * from finish();
rollback;
