begin;
\ir ../helpers/actors.psql
select plan(28);

select pg_temp.open_slot('doctor', '2027-01-05 09:00:00+00') as slot \gset
select pg_temp.open_slot('doctor', '2027-01-05 10:00:00+00') as second_slot \gset
select pg_temp.booking('patient', :'slot') as booking \gset
select pg_temp.booking('other_patient', :'second_slot') as other_booking \gset
select pg_temp.sign_in('doctor');
select status from api.complete_consultation(:'booking') \gset
select status from api.complete_consultation(:'other_booking') \gset
select is_empty(
    format('select id from api.list_prescriptions(%L)', :'booking'),
    'list_prescriptions returns nothing for a consultation without prescriptions');
select array_agg(p.id::text order by p.id) as issued
from generate_series(1, 5) as n
cross join lateral api.issue_prescription(
    :'booking',
    jsonb_build_array(jsonb_build_object('drug', 'Drug ' || n, 'dosage', '1'))) as p \gset
select id as other_prescription
from api.issue_prescription(:'other_booking', '[{"drug": "Atropine", "dosage": "1 drop"}]') \gset

-- Callers
select is(
    pg_temp.refusal(v.actor, format(
        'select api.list_prescriptions(%L)', v.id)),
    v.refusal, v.sentence)
from (values
    ('other_patient', :'booking', 'TM403',
     'list_prescriptions: a consultation of another patient is reported as not found'),
    ('other_doctor', :'booking', 'TM403',
     'list_prescriptions: a consultation of another doctor is reported as not found'),
    ('nobody', :'booking', 'TM101', 'an unauthenticated caller cannot list prescriptions'),
    ('admin', gen_random_uuid()::text, 'TM403',
     'list_prescriptions: a consultation that does not exist is refused'),
    ('admin', null, 'TM403', 'list_prescriptions: a null consultation id is refused')
) as v (actor, id, refusal, sentence);
select pg_temp.sign_in('admin');
select is(array_agg(p.id::text), :'issued'::text[],
    'an admin lists the prescriptions of a consultation, the oldest first')
from api.list_prescriptions(:'booking') as p;
select pg_temp.sign_in('doctor');
select is(array_agg(p.id::text), :'issued'::text[],
    'the doctor lists the prescriptions of a consultation, the oldest first')
from api.list_prescriptions(:'booking') as p;
select pg_temp.sign_in('patient');
select collect_tap(
    is(array_agg(p.id::text), :'issued'::text[],
        'the patient lists the prescriptions of a consultation, the oldest first'),
    is(array_agg(distinct p.consultation_id), array[:'booking']::uuid[],
        'list_prescriptions returns only prescriptions of the consultation'),
    is(
        array_agg((p.items[1]).drug order by (p.items[1]).drug),
        '{Drug 1,Drug 2,Drug 3,Drug 4,Drug 5}',
        'a listed prescription has its drugs'))
from api.list_prescriptions(:'booking') as p;
select pg_temp.sign_in('other_patient');
select collect_tap(
    is(p.id, :'other_prescription',
        'another patient lists the prescription of another consultation'),
    is(
        (p.doctor_id, p.patient_id), (pg_temp.id_of('doctor'), pg_temp.id_of('other_patient')),
        'a listed prescription has the doctor and the patient of its consultation'),
    is(p.items::text[], '{"(Atropine,\"1 drop\",,)"}', 'a listed prescription has its items'),
    is(p.notes, null, 'a listed prescription has null for missing notes'),
    is(p.issued_at, '2027-01-04 08:00:00+00',
        'a listed prescription has the time at which it was issued'))
from api.list_prescriptions(:'other_booking') as p;

-- Pages
select pg_temp.sign_in('patient');
select is(
    pg_temp.all_pages(format(
        'api.list_prescriptions(%L, p_limit => %s, p_cursor => %%L)', :'booking', n)),
    :'issued'::text[], 'pages of ' || n || ' show every prescription once')
from unnest(array[1, 2, 5, 1000]) as n;
select is(count(*), 2::bigint, 'list_prescriptions returns at most p_limit rows')
from api.list_prescriptions(:'booking', p_limit => 2);
select is(
    pg_temp.refusal('patient', format(
        'select api.list_prescriptions(%L, p_limit => %L)', :'booking', v.n)),
    'TM201 limit', v.sentence)
from (values
    (0, 'list_prescriptions: a limit of 0 is refused'),
    (1001, 'list_prescriptions: a limit of 1001 is refused'),
    (null, 'list_prescriptions: a null limit is refused')
) as v (n, sentence);

-- The other order
select pg_temp.sign_in('patient');
select is(
    pg_temp.all_pages(format(
        'api.list_prescriptions(%L, p_order => ''-issued_at'', p_limit => 2, p_cursor => %%L)', :'booking')),
    (select array_agg(r.id::text order by r.ordinality desc)
     from api.list_prescriptions(:'booking', p_limit => 1000) with ordinality as r),
    'list_prescriptions: -issued_at reverses the list');
select pg_temp.cursor_after(
    'patient', format('api.list_prescriptions(%L, p_order => ''-issued_at'', p_limit => 1)', :'booking')) as reversed
\gset
select is(
    pg_temp.refusal('patient', format(
        'select api.list_prescriptions(%L, p_order => %L, p_cursor => %L)', :'booking', v.in_order, v.cursor)),
    v.refusal, v.sentence)
from (values
    ('-issued_at', :'reversed', null, 'list_prescriptions: a cursor is accepted in its own order'),
    ('issued_at', :'reversed', 'TM201 cursor',
     'list_prescriptions: a cursor of the other order is refused'),
    ('id', null, 'TM201 order', 'list_prescriptions: an order that does not exist is refused')
) as v (in_order, cursor, refusal, sentence);

select * from finish();
rollback;
