begin;
\ir ../helpers/actors.psql
select plan(11);

select pg_temp.open_slot('doctor', '2027-01-05 09:00:00+00') as slot \gset
select pg_temp.booking('patient', :'slot') as booking \gset

reset role;
create function pg_temp.reads()
returns text[] language sql security definer
as $$
    select array_agg(concat_ws(' ', a.name, l.operation, l.resource_ids::text) order by l.id)
    from app.access_logs as l
    inner join actor as a on a.id = l.user_id
    where l.kind = 'read'
$$;
set local role telemed_api;

select pg_temp.sign_in('patient');
select api.get_consultation(:'booking') \g /dev/null
select * from api.list_consultations() \g /dev/null
select * from api.consultation_history(:'booking') \g /dev/null
select * from api.list_prescriptions(:'booking') \g /dev/null
select is(pg_temp.reads(), null,
    'record_read: a patient who reads their own data gets no entry in the access log');

select pg_temp.sign_in('doctor');
select is(
    (api.get_consultation(:'booking')).id, :'booking',
    'record_read: the doctor can read the consultation');
select is(
    pg_temp.reads(), array[format('doctor get_consultation {%s}', :'booking')],
    'record_read: get_consultation writes an entry for the doctor');
select * from api.list_consultations() \g /dev/null
select is(
    (pg_temp.reads())[2], format('doctor list_consultations {%s}', :'booking'),
    'record_read: list_consultations writes an entry for the doctor');
select * from api.consultation_history(:'booking') \g /dev/null
select is(
    (pg_temp.reads())[3], format('doctor consultation_history {%s}', :'booking'),
    'record_read: consultation_history writes an entry for the doctor');
select * from api.list_prescriptions(:'booking') \g /dev/null
select is(
    (pg_temp.reads())[4], format('doctor list_prescriptions {%s}', :'booking'),
    'record_read: list_prescriptions writes an entry for the doctor');

select pg_temp.sign_in('admin');
select api.get_consultation(:'booking') \g /dev/null
select is(
    (pg_temp.reads())[5], format('admin get_consultation {%s}', :'booking'),
    'record_read: get_consultation writes an entry for an admin');
select pg_temp.sign_in('other_doctor');
select is_empty('select * from api.list_consultations()',
    'record_read: another doctor gets an empty list of consultations');
select is(cardinality(pg_temp.reads()), 5, 'record_read: an empty list writes no entry');
select throws_ok(
    format('select api.get_consultation(%L)', :'booking'), 'TM403', null,
    'record_read: another doctor''s get_consultation is refused');
select is(cardinality(pg_temp.reads()), 5,
    'record_read: a refused read writes no entry of kind read');

select * from finish();
rollback;
