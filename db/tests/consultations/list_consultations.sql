begin;
\ir ../helpers/actors.psql
select plan(65);

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

-- Consultations of each caller
select pg_temp.sign_in('patient');
select is(
    array_agg(c.id), array[:'fifth', :'fourth', :'first']::uuid[],
    'a patient lists their own consultations, the latest first')
from api.list_consultations() as c;
select is(to_jsonb(c), to_jsonb(g), 'list_consultations returns the same row as get_consultation')
from api.list_consultations('completed') as c
cross join lateral api.get_consultation(:'fourth') as g;
select pg_temp.sign_in('doctor');
select is(
    array_agg(c.id), array[:'fifth', :'second', :'first']::uuid[],
    'a doctor lists their own consultations, the latest first')
from api.list_consultations() as c;
select pg_temp.sign_in('other_doctor');
select is(array_agg(c.id), array[:'fourth', :'third']::uuid[],
    'another doctor lists only the consultations of that doctor')
from api.list_consultations() as c;
select pg_temp.sign_in('admin');
select is(array_agg(c.id::text), :'everything'::text[],
    'an admin lists all consultations, the latest first')
from api.list_consultations() as c;
select is(
    pg_temp.refusal('nobody', 'select api.list_consultations()'),
    'TM101', 'an unauthenticated caller cannot list consultations');

-- By status
select pg_temp.sign_in('admin');
select is((select array_agg(c.id) from api.list_consultations(v.status) as c), v.ids::uuid[],
    v.sentence)
from (values
    ('cancelled', array[:'fifth'], 'an admin lists the cancelled consultations'),
    ('completed', array[:'fourth'], 'an admin lists the completed consultations'),
    ('scheduled', (:'everything'::text[])[3:5], 'an admin lists the scheduled consultations')
) as v (status, ids, sentence);
select pg_temp.sign_in('patient');
select is(c.id, :'first', 'a patient lists their own scheduled consultations')
from api.list_consultations('scheduled') as c;
select pg_temp.sign_in('doctor');
select is_empty($$select id from api.list_consultations('completed')$$,
    'a doctor who has completed no consultation lists no completed one');

-- Ranges
select is(
    (select count(*) from api.list_consultations(
        p_from => v.from_time::timestamptz, p_to => v.to_time::timestamptz)),
    v.n::bigint, v.sentence)
from (values
    ('2027-01-05 10:00+00', '2027-01-06 09:00+00', 1,
     'a range includes its start and excludes its end'),
    ('2027-01-05 10:00:00.000001+00', '2027-01-06 09:00:00.000001+00', 1,
     'a range is exact to the microsecond'),
    ('2027-01-05 10:00+00', null, 2, 'a range without an end lists all later consultations'),
    (null, '2027-01-05 10:00+00', 1, 'a range without a start lists all earlier consultations'),
    ('-infinity', 'infinity', 3,
     'a range from -infinity to infinity lists all consultations of a doctor'),
    ('infinity', null, 0, 'a range from infinity on lists nothing'),
    ('2027-01-06 00:00+00', '2027-01-05 00:00+00', 0,
     'a range that ends before it begins lists nothing')
) as v (from_time, to_time, n, sentence);
select pg_temp.sign_in('admin');
select is(count(*), 2::bigint, 'an admin lists the consultations within a range')
from api.list_consultations(p_from => '2027-01-05 10:00+00', p_to => '2027-01-06 09:00+00');
select pg_temp.sign_in('patient');
select is(c.id, :'fourth', 'a patient lists their own consultations within a range')
from api.list_consultations(p_from => '2027-01-05 10:00+00', p_to => '2027-01-06 09:00+00') as c;
reset role;
select pg_temp.set_clock('2028-01-01 00:00:00+00');
set local role telemed_api;
select is(count(*), 3::bigint,
    'consultations in the past stay in the list') from api.list_consultations();

-- Pages
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
    (:'everything'::text[])[3:5], 'pages of a filtered list show each matching consultation once');
select pg_temp.cursor_after('admin', 'api.list_consultations(p_limit => 1)') as after_fifth \gset
select is(
    (select array_agg(c.id::text)
     from api.list_consultations(
         p_to => '2027-01-05 10:00+00', p_cursor => :'after_fifth') as c),
    (:'everything'::text[])[4:5], 'a cursor that lies after the end of the range changes nothing');
select is(count(*), 2::bigint, 'list_consultations returns at most p_limit rows')
from api.list_consultations(p_limit => 2);
select pg_temp.sign_in('patient');
select is(
    pg_temp.all_pages('api.list_consultations(p_limit => 1, p_cursor => %L)'),
    array[:'fifth', :'fourth', :'first'],
        'pages of one row show each consultation of a patient once');
select pg_temp.sign_in('doctor');
select is(
    pg_temp.all_pages('api.list_consultations(p_limit => 1, p_cursor => %L)'),
    array[:'fifth', :'second', :'first'],
        'pages of one row show each consultation of a doctor once');

-- A page begins where the previous one ended, even if the last row of that page has changed.
select pg_temp.cursor_after('patient', 'api.list_consultations(p_limit => 2)') as after_fourth \gset
select is(
    (select array_agg(c.id::text) from api.list_consultations(p_cursor => :'after_fourth') as c),
    array[:'first'], 'the page after a cursor begins with the row behind it');
select is(
    pg_temp.refusal(v.actor, format('select api.list_consultations(p_cursor => %L)', v.cursor)),
    v.refusal, v.sentence)
from (values
    ('patient', :'after_fourth', null, 'list_consultations: the caller''s own cursor is accepted'),
    ('other_patient', :'after_fourth', 'TM201 cursor',
     'list_consultations: a cursor of another patient is refused'),
    ('admin', :'after_fourth', 'TM201 cursor',
     'list_consultations: a cursor of a patient is refused for an admin')
) as v (actor, cursor, refusal, sentence);

-- Filters by doctor and by patient
select pg_temp.sign_in('admin');
select is(
    (select array_agg(c.id::text order by c.id)
     from api.list_consultations(p_doctor_id => v.doctor_id, p_patient_id => v.patient_id) as c),
    (select array_agg(e order by e) from unnest(v.ids) as e), v.sentence)
from (values
    (pg_temp.id_of('doctor'), null, array[:'first', :'second', :'fifth'],
     'an admin lists the consultations of a doctor'),
    (null, pg_temp.id_of('patient'), array[:'first', :'fourth', :'fifth'],
     'an admin lists the consultations of a patient'),
    (pg_temp.id_of('doctor'), pg_temp.id_of('patient'), array[:'first', :'fifth'],
     'an admin lists the consultations of a patient with a doctor'),
    (pg_temp.id_of('patient'), null, null,
     'an admin lists no consultation for a doctor id that is a patient''s')
) as v (doctor_id, patient_id, ids, sentence);
select pg_temp.sign_in('patient');
select is(array_agg(c.id), array[:'fourth']::uuid[],
    'a patient lists their own consultations with one doctor')
from api.list_consultations(p_doctor_id => pg_temp.id_of('other_doctor')) as c;
select is(count(*), 0::bigint, 'a patient lists nothing for the id of another patient')
from api.list_consultations(p_patient_id => pg_temp.id_of('other_patient')) as c;
select pg_temp.sign_in('doctor');
select is(array_agg(c.id), array[:'second']::uuid[],
    'a doctor lists their own consultations of one patient')
from api.list_consultations(p_patient_id => pg_temp.id_of('other_patient')) as c;
select is(count(*), 0::bigint, 'a doctor lists nothing for the id of another doctor')
from api.list_consultations(p_doctor_id => pg_temp.id_of('other_doctor')) as c;
select is(count(*), 0::bigint,
    'a doctor lists nothing for their own patient and the id of another doctor')
from api.list_consultations(
    p_doctor_id => pg_temp.id_of('other_doctor'), p_patient_id => pg_temp.id_of('patient')) as c;

-- The earliest first
select pg_temp.sign_in('admin');
select array(
    select e from unnest(:'everything'::text[]) with ordinality as r (e, n) order by n desc)
    as earliest_first \gset
select is(
    pg_temp.all_pages(format(
        'api.list_consultations(p_order => ''starts_at'', p_limit => %s, p_cursor => %%L)', n)),
    :'earliest_first'::text[],
    'list_consultations: starts_at, in pages of ' || n || ', shows the earliest consultation first')
from unnest(array[1, 2, 5, 1000]) as n;
select is(
    pg_temp.all_pages('api.list_consultations(p_order => ''-starts_at'', p_limit => 1, p_cursor => %L)'),
    :'everything'::text[],
    'list_consultations: -starts_at shows the latest consultation first');
select is(
    (select array_agg(c.id::text)
     from api.list_consultations(
         p_from => '2027-01-05 10:00+00', p_to => '2027-01-06 09:00+00', p_order => 'starts_at')
         as c),
    array[:'second', :'fourth'],
    'list_consultations: starts_at includes the start of a range and excludes its end');
select pg_temp.sign_in('doctor');
select is(
    pg_temp.all_pages(
        'api.list_consultations(p_order => ''starts_at'', p_limit => 1, p_cursor => %L)'),
    array[:'first', :'second', :'fifth'],
    'list_consultations: starts_at shows the earliest consultation of a doctor first');
select pg_temp.sign_in('patient');
select is(
    pg_temp.all_pages(
        'api.list_consultations(p_order => ''starts_at'', p_limit => 1, p_cursor => %L)'),
    array[:'first', :'fourth', :'fifth'],
    'list_consultations: starts_at shows the earliest consultation of a patient first');
select is(
    array_agg(c.id::text), array[:'fourth'],
    'list_consultations: the next consultation after a time is the first one from it on')
from api.list_consultations(
    p_from => '2027-01-05 10:30+00', p_order => 'starts_at', p_limit => 1) as c;
select pg_temp.cursor_after(
    'patient', 'api.list_consultations(p_order => ''starts_at'', p_limit => 1)') as after_first
\gset
select is(
    pg_temp.refusal(v.actor, format(
        'select api.list_consultations(p_order => %L, p_cursor => %L)', v.in_order, v.cursor)),
    v.refusal, v.sentence)
from (values
    ('patient', 'starts_at', :'after_first', null,
     'list_consultations: a cursor is accepted in its own order'),
    ('patient', '-starts_at', :'after_first', 'TM201 cursor',
     'list_consultations: a cursor of the earliest first is refused for the latest first'),
    ('patient', 'starts_at', :'after_fourth', 'TM201 cursor',
     'list_consultations: a cursor of the latest first is refused for the earliest first'),
    ('patient', 'created_at', null, 'TM201 order',
     'list_consultations: an order that does not exist is refused'),
    ('patient', null, null, null, 'list_consultations: a null order is the default')
) as v (actor, in_order, cursor, refusal, sentence);

-- Invalid pages
select is(
    pg_temp.refusal('patient', format(
        'select api.list_consultations(p_status => %L, p_limit => %L, p_cursor => %L)', v.status,
        v.n, v.seen)),
    v.refusal, v.sentence)
from (values
    (null, 0, null, 'TM201 limit', 'list_consultations: a limit of 0 is refused'),
    (null, 1001, null, 'TM201 limit', 'list_consultations: a limit of 1001 is refused'),
    (null, null, null, 'TM201 limit', 'list_consultations: a null limit is refused'),
    (null, 1, gen_random_uuid(), 'TM201 cursor',
     'list_consultations: a cursor that the database did not sign is refused'),
    ('no_show', 1, null, 'TM201 status',
     'list_consultations: a status that does not exist is refused'),
    ('', 1, null, 'TM201 status', 'list_consultations: an empty status is refused'),
    ('Scheduled', 1, null, 'TM201 status',
     'list_consultations: a status with a capital letter is refused')
) as v (status, n, seen, refusal, sentence);

select * from finish();
rollback;
