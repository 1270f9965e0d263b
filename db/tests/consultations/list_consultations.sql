begin;
\ir ../helpers/actors.psql
select plan(50);

select pg_temp.open_slot('doctor', '2027-01-05 09:00:00+00') as first_slot \gset
select pg_temp.open_slot('doctor', '2027-01-05 10:00:00+00') as second_slot \gset
select pg_temp.open_slot('other_doctor', '2027-01-05 09:00:00+00') as third_slot \gset
select pg_temp.open_slot('other_doctor', '2027-01-05 11:00:00+00') as fourth_slot \gset
select pg_temp.open_slot('doctor', '2027-01-06 09:00:00+00') as fifth_slot \gset
select pg_temp.booking('patient', :'first_slot') as first \gset
select pg_temp.booking('other_patient', :'second_slot') as second \gset
select pg_temp.booking('other_patient', :'third_slot') as third \gset
select pg_temp.booking('patient', :'fourth_slot') as fourth \gset
select pg_temp.booking('patient', :'fifth_slot') as fifth \gset
select pg_temp.sign_in('patient');
select status from api.cancel_consultation(:'fifth') \gset
select pg_temp.sign_in('other_doctor');
select status from api.complete_consultation(:'fourth', 'Notes') \gset
-- The latest first; two of them begin at the same time.
select array[:'fifth', :'fourth', :'second', greatest(:'first', :'third'),
    least(:'first', :'third')]
    as everything \gset

-- Whose they are
select pg_temp.sign_in('patient');
select is(
    array_agg(c.id), array[:'fifth', :'fourth', :'first']::uuid[],
    'a patient sees the patient''s own consultations, the latest first')
from api.list_consultations() as c;
select is(to_jsonb(c), to_jsonb(g), 'each as it is')
from api.list_consultations('completed') as c
cross join lateral api.get_consultation(:'fourth') as g;
select pg_temp.sign_in('doctor');
select is(
    array_agg(c.id), array[:'fifth', :'second', :'first']::uuid[],
    'a doctor sees the doctor''s own')
from api.list_consultations() as c;
select pg_temp.sign_in('other_doctor');
select is(array_agg(c.id), array[:'fourth', :'third']::uuid[], 'a colleague sees others')
from api.list_consultations() as c;
select pg_temp.sign_in('admin');
select is(array_agg(c.id::text), :'everything'::text[], 'an admin sees all of them')
from api.list_consultations() as c;
select is(
    pg_temp.refusal('nobody', 'select api.list_consultations()'),
    'TM101', 'nobody sees any without signing in');

-- By status
select pg_temp.sign_in('admin');
select is((select array_agg(c.id) from api.list_consultations(v.status) as c), v.ids::uuid[],
    v.sentence)
from (values
    ('cancelled', array[:'fifth'], 'cancelled ones'),
    ('completed', array[:'fourth'], 'completed ones'),
    ('scheduled', (:'everything'::text[])[3:5], 'scheduled ones')
) as v (status, ids, sentence);
select pg_temp.sign_in('patient');
select is(c.id, :'first', 'scheduled ones of one patient')
from api.list_consultations('scheduled') as c;
select pg_temp.sign_in('doctor');
select is_empty($$select id from api.list_consultations('completed')$$,
    'a doctor who has completed none');

-- From and to
select is(
    (select count(*) from api.list_consultations(
        p_from => v.from_time::timestamptz, p_to => v.to_time::timestamptz)),
    v.n::bigint, v.sentence)
from (values
    ('2027-01-05 10:00+00', '2027-01-06 09:00+00', 1,
     'the first moment is included and the last is not'),
    ('2027-01-05 10:00:00.000001+00', '2027-01-06 09:00:00.000001+00', 1, 'to the microsecond'),
    ('2027-01-05 10:00+00', null, 2, 'without an end all that come later are listed'),
    (null, '2027-01-05 10:00+00', 1, 'without a beginning all that came before'),
    ('-infinity', 'infinity', 3, 'the beginning and the end of time are no obstacle'),
    ('infinity', null, 0, 'after the end of time there is nothing'),
    ('2027-01-06 00:00+00', '2027-01-05 00:00+00', 0,
     'between a time and an earlier one there is nothing')
) as v (from_time, to_time, n, sentence);
select pg_temp.sign_in('admin');
select is(count(*), 2::bigint, 'for an admin, too')
from api.list_consultations(p_from => '2027-01-05 10:00+00', p_to => '2027-01-06 09:00+00');
select pg_temp.sign_in('patient');
select is(c.id, :'fourth', 'and for a patient')
from api.list_consultations(p_from => '2027-01-05 10:00+00', p_to => '2027-01-06 09:00+00') as c;
reset role;
select pg_temp.set_clock('2028-01-01 00:00:00+00');
set local role telemed_api;
select is(count(*), 3::bigint, 'what is over stays in the list') from api.list_consultations();

-- Page by page
select pg_temp.sign_in('admin');
select is(
    pg_temp.all_pages(format('api.list_consultations(p_limit => %s, p_cursor => %%L)', n)),
    :'everything'::text[],
    'pages of ' || n || ' show every consultation once, also those that begin at the same time')
from unnest(array[1, 2, 4, 5, 1000]) as n;
select is(
    pg_temp.all_pages(
        'api.list_consultations('
        '''scheduled'', ''2027-01-05 09:00+00'', ''2027-01-05 11:00+00'', p_limit => 1,'
        ' p_cursor => %L)'),
    (:'everything'::text[])[3:5], 'and those that were asked for once');
select pg_temp.cursor_after('admin', 'api.list_consultations(p_limit => 1)') as after_fifth \gset
select is(
    (select array_agg(c.id::text)
     from api.list_consultations(
         p_to => '2027-01-05 10:00+00', p_cursor => :'after_fifth') as c),
    (:'everything'::text[])[4:5], 'a cursor after the end that was asked for changes nothing');
select is(count(*), 2::bigint, 'a page has no more rows than asked for')
from api.list_consultations(p_limit => 2);
select pg_temp.sign_in('patient');
select is(
    pg_temp.all_pages('api.list_consultations(p_limit => 1, p_cursor => %L)'),
    array[:'fifth', :'fourth', :'first'], 'a patient''s pages show the patient''s own once');
select pg_temp.sign_in('doctor');
select is(
    pg_temp.all_pages('api.list_consultations(p_limit => 1, p_cursor => %L)'),
    array[:'fifth', :'second', :'first'], 'a doctor''s pages the doctor''s own');

-- A page goes on where the one before ended, whatever became of its last row.
select pg_temp.cursor_after('patient', 'api.list_consultations(p_limit => 2)') as after_fourth \gset
select is(
    (select array_agg(c.id::text) from api.list_consultations(p_cursor => :'after_fourth') as c),
    array[:'first'], 'the page after a cursor goes on with the row behind it');
select is(
    pg_temp.refusal(v.actor, format('select api.list_consultations(p_cursor => %L)', v.cursor)),
    v.refusal, v.sentence)
from (values
    ('patient', :'after_fourth', null, 'a patient goes on where the page of the patient ended'),
    ('other_patient', :'after_fourth', 'TM201 cursor', 'a cursor of another patient is refused'),
    ('admin', :'after_fourth', 'TM201 cursor', 'an admin has cursors of their own')
) as v (actor, cursor, refusal, sentence);

-- Of one doctor, of one patient
select pg_temp.sign_in('admin');
select is(
    (select array_agg(c.id::text order by c.id)
     from api.list_consultations(p_doctor_id => v.doctor_id, p_patient_id => v.patient_id) as c),
    (select array_agg(e order by e) from unnest(v.ids) as e), v.sentence)
from (values
    (pg_temp.id_of('doctor'), null, array[:'first', :'second', :'fifth'],
     'an admin lists the consultations of a doctor'),
    (null, pg_temp.id_of('patient'), array[:'first', :'fourth', :'fifth'], 'those of a patient'),
    (pg_temp.id_of('doctor'), pg_temp.id_of('patient'), array[:'first', :'fifth'],
     'and those of a patient with a doctor'),
    (pg_temp.id_of('patient'), null, null, 'a patient has none as a doctor')
) as v (doctor_id, patient_id, ids, sentence);
select pg_temp.sign_in('patient');
select is(array_agg(c.id), array[:'fourth']::uuid[], 'a patient lists those with one doctor')
from api.list_consultations(p_doctor_id => pg_temp.id_of('other_doctor')) as c;
select is(count(*), 0::bigint, 'and none of another patient')
from api.list_consultations(p_patient_id => pg_temp.id_of('other_patient')) as c;
select pg_temp.sign_in('doctor');
select is(array_agg(c.id), array[:'second']::uuid[], 'a doctor lists those of one patient')
from api.list_consultations(p_patient_id => pg_temp.id_of('other_patient')) as c;
select is(count(*), 0::bigint, 'and none of another doctor')
from api.list_consultations(p_doctor_id => pg_temp.id_of('other_doctor')) as c;

-- What is not a page
select is(
    pg_temp.refusal('patient', format(
        'select api.list_consultations(p_status => %L, p_limit => %L, p_cursor => %L)', v.status,
        v.n, v.seen)),
    v.refusal, v.sentence)
from (values
    (null, 0, null, 'TM201 limit', 'a page of nothing is refused'),
    (null, 1001, null, 'TM201 limit', 'a page has at most 1000 rows'),
    (null, null, null, 'TM201 limit', 'a page has an end'),
    (null, 1, gen_random_uuid(), 'TM201 cursor', 'a cursor that is no consultation is refused'),
    ('no_show', 1, null, 'TM201 status', 'a status that does not exist is refused'),
    ('', 1, null, 'TM201 status', 'and so is an empty one'),
    ('Scheduled', 1, null, 'TM201 status', 'and one with a capital letter')
) as v (status, n, seen, refusal, sentence);

select * from finish();
rollback;
