begin;
\ir ../helpers/actors.psql
select plan(22);

reset role;
select pg_temp.open_slot('other_doctor', '2027-01-05 09:00:00+00') as slot \gset
set local role telemed_api;
select pg_temp.booking('patient', :'slot') as booking \gset
select api.cancel_consultation(:'booking') \g /dev/null

select pg_temp.sign_in('patient');
select collect_tap(
    is(d.id, pg_temp.id_of('doctor'), 'get_doctor: the answer has the id of the doctor'),
    is(d.full_name, 'Doctor doctor', 'get_doctor: the answer has the name of the doctor'),
    is(d.specialty, 'Cardiology', 'get_doctor: the answer has the specialty'),
    is(d.time_zone, 'Europe/Berlin', 'get_doctor: the answer has the time zone'),
    is((d.fee_minor, d.currency), (5000::bigint, 'EUR'::text),
        'get_doctor: the answer has the fee and its currency'))
from api.get_doctor(pg_temp.id_of('doctor')) as d;
select is(
    (select array_agg(k order by k) from jsonb_object_keys(
        to_jsonb(api.get_doctor(pg_temp.id_of('doctor')))) as k),
    '{biography,currency,currency_exponent,fee_minor,full_name,id,is_active,languages,'
    'photo_url,practising_since,specialty,specialty_code,time_zone}',
    'get_doctor: the answer has no other field');

-- The version: that of what a change of the doctor changes
reset role;
select app.entity_tag(d) as tag from api.get_doctor(pg_temp.id_of('doctor')) as d \gset
select pg_temp.open_slot('doctor', '2027-01-05 09:00:00+00') as first \gset
select is(app.entity_tag(d), :'tag', 'get_doctor: a new slot leaves the version as it is')
from api.get_doctor(pg_temp.id_of('doctor')) as d;
set local role telemed_api;
select pg_temp.booking('patient', :'first') as taken \gset
reset role;
select is(app.entity_tag(d), :'tag', 'get_doctor: a booking leaves the version as it is')
from api.get_doctor(pg_temp.id_of('doctor')) as d;
update app.doctors set biography = 'Changed.' where user_id = pg_temp.id_of('doctor');
select isnt(app.entity_tag(d), :'tag', 'get_doctor: a change of the doctor changes the version')
from api.get_doctor(pg_temp.id_of('doctor')) as d;
set local role telemed_api;

select throws_ok(
    format('select api.get_doctor(%L)', v.id), 'TM401', null, v.sentence)
from (values
    (gen_random_uuid(), 'get_doctor: a doctor who does not exist is refused'),
    (pg_temp.id_of('other_patient'), 'get_doctor: the id of a patient is refused'),
    (null, 'get_doctor: a null id is refused')) as v (id, sentence);
select pg_temp.sign_in('other_doctor');
select is(
    (api.get_doctor(pg_temp.id_of('doctor'))).specialty, 'Cardiology',
    'get_doctor: a doctor can read another doctor');
select pg_temp.sign_in('admin');
select is((api.get_doctor(pg_temp.id_of('doctor'))).specialty, 'Cardiology',
    'get_doctor: an admin can read a doctor');
reset role;
update app.users set deactivated_at = app.clock() where id = pg_temp.id_of('other_doctor');
set local role telemed_api;
select is(
    pg_temp.refusal(v.actor, format('select api.get_doctor(%L)', pg_temp.id_of('other_doctor'))),
    v.refusal, v.sentence)
from (values
    ('other_patient', 'TM401', 'get_doctor: a patient cannot read a deactivated doctor'),
    ('doctor', 'TM401', 'get_doctor: a doctor cannot read a deactivated doctor'),
    ('patient', null,
     'get_doctor: a patient of a deactivated doctor can read the doctor'),
    ('admin', null,
     'get_doctor: an admin can read a deactivated doctor')) as v (actor, refusal, sentence);
select pg_temp.sign_in('patient');
select is(
    (d.full_name, d.is_active), ('Doctor other_doctor'::text, false),
    'get_doctor: the answer says that a deactivated doctor is not active')
from api.get_doctor(pg_temp.id_of('other_doctor')) as d;
reset role;
update app.users set deactivated_at = null where id = pg_temp.id_of('other_doctor');
set local role telemed_api;
select is(
    (api.get_doctor(pg_temp.id_of('other_doctor'))).specialty, 'Dermatology',
    'get_doctor: a doctor who is active again can be read');
select pg_temp.sign_in('nobody');
select throws_ok(
    format('select api.get_doctor(%L)', pg_temp.id_of('doctor')),
    'TM101', null, 'get_doctor: a caller who is not logged in is refused');
select throws_ok(
    'select api.get_doctor(gen_random_uuid())', 'TM101', null,
    'get_doctor: a caller who is not logged in gets the same refusal for an unknown doctor');

select * from finish();
rollback;
