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
select is(pg_temp.reads(), null, 'a patient reads what is theirs, and nobody writes it down');

select pg_temp.sign_in('doctor');
select is(
    (api.get_consultation(:'booking')).id, :'booking', 'the doctor reads the consultation');
select is(
    pg_temp.reads(), array[format('doctor get_consultation {%s}', :'booking')],
    'which leaves an entry');
select * from api.list_consultations() \g /dev/null
select is(
    (pg_temp.reads())[2], format('doctor list_consultations {%s}', :'booking'), 'so does the list');
select * from api.consultation_history(:'booking') \g /dev/null
select is(
    (pg_temp.reads())[3], format('doctor consultation_history {%s}', :'booking'),
    'so does the history');
select * from api.list_prescriptions(:'booking') \g /dev/null
select is(
    (pg_temp.reads())[4], format('doctor list_prescriptions {%s}', :'booking'),
    'and so do the prescriptions');

select pg_temp.sign_in('admin');
select api.get_consultation(:'booking') \g /dev/null
select is(
    (pg_temp.reads())[5], format('admin get_consultation {%s}', :'booking'),
    'an admin''s reading leaves an entry too');
select pg_temp.sign_in('other_doctor');
select is_empty('select * from api.list_consultations()', 'an empty list tells nothing');
select is(cardinality(pg_temp.reads()), 5, 'and leaves none');
select throws_ok(
    format('select api.get_consultation(%L)', :'booking'), 'TM403', null,
    'another doctor does not read it');
select is(cardinality(pg_temp.reads()), 5, 'a refusal is no reading');

select * from finish();
rollback;
