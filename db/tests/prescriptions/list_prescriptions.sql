begin;
\ir ../helpers/actors.psql
select plan(24);

select pg_temp.open_slot('doctor', '2027-01-05 09:00:00+00') as slot \gset
select pg_temp.open_slot('doctor', '2027-01-05 10:00:00+00') as second_slot \gset
select pg_temp.booking('patient', :'slot') as booking \gset
select pg_temp.booking('other_patient', :'second_slot') as other_booking \gset
select pg_temp.sign_in('doctor');
select status from api.complete_consultation(:'booking') \gset
select status from api.complete_consultation(:'other_booking') \gset
select is_empty(
    format('select id from api.list_prescriptions(%L)', :'booking'),
    'where nothing was prescribed the list is empty');
select array_agg(p.id::text order by p.id) as issued
from generate_series(1, 5) as n
cross join lateral api.issue_prescription(
    :'booking',
    jsonb_build_array(jsonb_build_object('drug', 'Drug ' || n, 'dosage', '1'))) as p \gset
select id as other_prescription
from api.issue_prescription(:'other_booking', '[{"drug": "Atropine", "dosage": "1 drop"}]') \gset

-- For whom
select is(
    pg_temp.refusal(v.actor, format(
        'select api.list_prescriptions(%L)', v.id)),
    v.refusal, v.sentence)
from (values
    ('other_patient', :'booking', 'TM403', 'to another patient the consultation is not there'),
    ('other_doctor', :'booking', 'TM403', 'nor to another doctor'),
    ('nobody', :'booking', 'TM101', 'nobody reads prescriptions without signing in'),
    ('admin', gen_random_uuid()::text, 'TM403', 'what does not exist has no prescriptions'),
    ('admin', null, 'TM403', 'nor has nothing')
) as v (actor, id, refusal, sentence);
select pg_temp.sign_in('admin');
select is(array_agg(p.id::text), :'issued'::text[], 'an admin reads them, the oldest first')
from api.list_prescriptions(:'booking') as p;
select pg_temp.sign_in('doctor');
select is(array_agg(p.id::text), :'issued'::text[], 'its doctor reads them')
from api.list_prescriptions(:'booking') as p;
select pg_temp.sign_in('patient');
select collect_tap(
    is(array_agg(p.id::text), :'issued'::text[], 'its patient reads them'),
    is(array_agg(distinct p.consultation_id), array[:'booking']::uuid[],
        'those of this consultation'),
    is(
        array_agg((p.items[1]).drug order by (p.items[1]).drug),
        '{Drug 1,Drug 2,Drug 3,Drug 4,Drug 5}',
        'with the drugs'))
from api.list_prescriptions(:'booking') as p;
select pg_temp.sign_in('other_patient');
select collect_tap(
    is(p.id, :'other_prescription', 'another patient reads another list'),
    is(
        (p.doctor_id, p.patient_id), (pg_temp.id_of('doctor'), pg_temp.id_of('other_patient')),
        'with its own two sides'),
    is(p.items::text[], '{"(Atropine,\"1 drop\",,)"}', 'its items'),
    is(p.notes, null, 'its notes'),
    is(p.issued_at, '2027-01-04 08:00:00+00', 'and when it was issued'))
from api.list_prescriptions(:'other_booking') as p;

-- Page by page
select pg_temp.sign_in('patient');
select is(
    pg_temp.all_pages(format(
        'api.list_prescriptions(%L, p_limit => %s, p_cursor => %%L)', :'booking', n)),
    :'issued'::text[], 'pages of ' || n || ' show everything once')
from unnest(array[1, 2, 5, 1000]) as n;
select is(count(*), 2::bigint, 'a page has no more rows than asked for')
from api.list_prescriptions(:'booking', p_limit => 2);
select is(
    pg_temp.refusal('patient', format(
        'select api.list_prescriptions(%L, p_limit => %L)', :'booking', v.n)),
    'TM201 limit', v.sentence)
from (values
    (0, 'a page of nothing is refused'),
    (1001, 'a page has at most 1000 rows'),
    (null, 'a page has an end')
) as v (n, sentence);

select * from finish();
rollback;
