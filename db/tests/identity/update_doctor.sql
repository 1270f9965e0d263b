begin;
\ir ../helpers/actors.psql
select plan(50);

select pg_temp.open_slot('doctor', '2027-01-05 09:00:00+00') as first_slot \gset
select pg_temp.open_slot('doctor', '2027-01-05 10:00:00+00') as second_slot \gset
select pg_temp.booking('patient', :'second_slot') as booking \gset
reset role;
select count(*) as slot_changes from app.audit_logs where table_name = 'availability_slots' \gset
set local role telemed_api;

-- A doctor
select pg_temp.sign_in('doctor');
select collect_tap(
    is((d.fee_minor, d.currency, d.currency_exponent), (7000::bigint, 'EUR'::text, 2::smallint),
        'update_doctor: a doctor can change their fee, and the currency stays'),
    is(d.languages, '{cs,en}', 'update_doctor: a doctor can change their languages'),
    is(d.biography, 'Born in Prague.', 'update_doctor: a doctor can change their biography'),
    is(d.photo_url, 'https://clinic.example/1.jpg',
        'update_doctor: a doctor can change their photo'),
    is(d.specialty, 'Cardiology', 'update_doctor: a field that is not given stays as it is'),
    is((d.id, d.is_active), (pg_temp.id_of('doctor'), true),
        'update_doctor: the answer has the other fields of the doctor'))
from api.update_doctor(
    pg_temp.id_of('doctor'), p_fee_minor => 7000, p_languages => '{cs,en}',
    p_biography => 'Born in Prague.', p_photo_url => 'https://clinic.example/1.jpg', p_versions => '{*}') as d;
select is(
    to_jsonb(api.update_doctor(pg_temp.id_of('doctor'), p_versions => '{*}')),
    to_jsonb(api.get_doctor(pg_temp.id_of('doctor'))),
    'update_doctor: a call without a field changes nothing');
select is(
    (d.biography, d.photo_url, d.fee_minor), (null::text, null::text, 7000::bigint),
    'update_doctor: a cleared field is null, and others stay as they are')
from api.update_doctor(pg_temp.id_of('doctor'), p_clear => '{biography,photo_url}', p_versions => '{*}') as d;
select is(d.languages, '{}', 'update_doctor: a doctor may have no language')
from api.update_doctor(pg_temp.id_of('doctor'), p_languages => '{}', p_versions => '{*}') as d;
select is(d.fee_minor, 0::bigint, 'update_doctor: a fee of zero is accepted')
from api.update_doctor(pg_temp.id_of('doctor'), p_fee_minor => 0, p_versions => '{*}') as d;
select is(d.biography, 'Both.', 'update_doctor: a field that is cleared and given gets its value')
from api.update_doctor(
    pg_temp.id_of('doctor'), p_biography => 'Both.', p_clear => '{biography}', p_versions => '{*}') as d;

select pg_temp.sign_in('patient');
select is(
    (c.fee_minor, c.currency), (5000::bigint, 'EUR'::text),
    'update_doctor: a consultation keeps the fee of its booking')
from api.get_consultation(:'booking') as c;
reset role;
select is(
    count(*), :'slot_changes'::bigint, 'update_doctor: a doctor who keeps the specialty keeps the slots')
from app.audit_logs where table_name = 'availability_slots';
select collect_tap(
    is((l.old ->> 'fee_minor', l.new ->> 'fee_minor'), ('5000'::text, '7000'::text),
        'update_doctor: the audit log has the old and the new fee'),
    is((l.user_id, l.role::text), (pg_temp.id_of('doctor'), 'doctor'::text),
        'update_doctor: the audit log names the user'))
from app.audit_logs as l
where l.table_name = 'doctors' and l.operation = 'UPDATE' order by l.id limit 1;
set local role telemed_api;

-- An admin
select pg_temp.sign_in('admin');
select collect_tap(
    is((d.specialty, d.specialty_code), ('Sports Medicine'::text, 'sports_medicine'::text),
        'update_doctor: an admin can change the specialty'),
    is(d.time_zone, 'Asia/Tokyo', 'update_doctor: an admin can change the time zone'),
    is((d.fee_minor, d.currency, d.currency_exponent), (9000::bigint, 'JPY'::text, 0::smallint),
        'update_doctor: an admin can change the currency together with the fee'),
    is(d.practising_since, 1998, 'update_doctor: an admin can change the first year of practice'),
    is(d.biography, 'Both.', 'update_doctor: an admin leaves the other fields as they are'))
from api.update_doctor(
    pg_temp.id_of('doctor'), 'Sports Medicine', 'Asia/Tokyo', 9000, 'JPY',
    p_practising_since => 1998, p_versions => '{*}') as d;
select is(d.practising_since, null, 'update_doctor: an admin can clear the first year of practice')
from api.update_doctor(pg_temp.id_of('doctor'), p_clear => '{practising_since}', p_versions => '{*}') as d;
select is(
    s.id, :'first_slot', 'update_doctor: open slots are found by the new specialty')
from api.find_open_slots('sports_medicine') as s;
select is(
    (c.fee_minor, c.currency, c.currency_exponent), (5000::bigint, 'EUR'::text, 2::smallint),
    'update_doctor: a consultation keeps the currency of its booking and its decimals')
from api.get_consultation(:'booking') as c;
reset role;
update app.users set deactivated_at = app.clock() where id = pg_temp.id_of('other_doctor');
set local role telemed_api;
select pg_temp.sign_in('admin');
select is(
    (d.is_active, d.biography), (false, 'Retired.'::text),
    'update_doctor: an admin can change a deactivated doctor')
from api.update_doctor(pg_temp.id_of('other_doctor'), p_biography => 'Retired.',
    p_versions => '{*}') as d;

-- Refusals
select is(
    pg_temp.refusal(v.actor, format(
        'select api.update_doctor(%L, %s, p_versions => ''{*}'')', pg_temp.id_of(v.doctor), v.arguments)),
    v.refusal, 'update_doctor: ' || v.sentence)
from (values
    ('doctor', 'doctor', $$ p_specialty => 'Surgery' $$, 'TM301 specialty',
     'a doctor cannot change the specialty'),
    ('doctor', 'doctor', $$ p_time_zone => 'UTC' $$, 'TM301 time_zone',
     'a doctor cannot change the time zone'),
    ('doctor', 'doctor', $$ p_fee_minor => 1, p_currency => 'EUR' $$, 'TM301 currency',
     'a doctor cannot change the currency'),
    ('doctor', 'doctor', $$ p_practising_since => 1999 $$, 'TM301 practising_since',
     'a doctor cannot change the first year of practice'),
    ('doctor', 'doctor', $$ p_clear => '{practising_since}' $$, 'TM301 practising_since',
     'a doctor cannot clear the first year of practice'),
    ('doctor', 'other_doctor', $$ p_biography => 'Other' $$, 'TM401',
     'a doctor cannot change another doctor'),
    ('doctor', 'patient', $$ p_biography => 'Other' $$, 'TM401',
     'a doctor cannot change an unknown doctor'),
    ('patient', 'doctor', $$ p_biography => 'Other' $$, 'TM301', 'a patient is refused'),
    ('nobody', 'doctor', $$ p_biography => 'Other' $$, 'TM101',
     'a caller who is not logged in is refused'),
    ('admin', 'patient', $$ p_biography => 'Other' $$, 'TM401', 'the id of a patient is refused'),
    ('admin', 'doctor', $$ p_clear => '{specialty}' $$, 'TM201 specialty',
     'the specialty cannot be cleared'),
    ('admin', 'doctor', $$ p_clear => '{languages}' $$, 'TM201 languages',
     'the languages cannot be cleared'),
    ('admin', 'doctor', $$ p_clear => '{fee_minor}' $$, 'TM201 fee_minor',
     'the fee cannot be cleared'),
    ('admin', 'doctor', $$ p_currency => 'USD' $$, 'TM201 fee_minor',
     'a currency without a fee is refused'),
    ('admin', 'doctor', $$ p_fee_minor => 1, p_currency => 'XXX' $$, 'TM201 currency',
     'an unknown currency is refused'),
    ('admin', 'doctor', $$ p_time_zone => 'Berlin' $$, 'TM204 time_zone',
     'an unknown time zone is refused'),
    ('doctor', 'doctor', $$ p_languages => '{es,es}' $$, 'TM201 languages',
     'a language that occurs twice is refused'),
    ('doctor', 'doctor', $$ p_fee_minor => -1 $$, '23514', 'a negative fee is refused'),
    ('doctor', 'doctor', $$ p_biography => '' $$, '23514', 'an empty biography is refused'),
    ('doctor', 'doctor', $$ p_photo_url => 'http://clinic.example/1.jpg' $$, '23514',
     'a photo that is not at an https address is refused'))
    as v (actor, doctor, arguments, refusal, sentence);
select is(
    pg_temp.refusal('admin', 'select api.update_doctor(null, p_biography => ''Nobody'', p_versions => ''{*}'')'), 'TM401',
    'update_doctor: a null id is refused');

-- Versions
reset role;
select pg_temp.sign_in('doctor');
select app.entity_tag(d) as first_tag from api.get_doctor(pg_temp.id_of('doctor')) as d \gset
set local role telemed_api;
select is(
    pg_temp.refusal('doctor', format(
        'select api.update_doctor(%L, p_biography => %L, p_versions => %L)',
        pg_temp.id_of('doctor'), v.biography, v.versions)),
    v.refusal, 'update_doctor: ' || v.sentence)
from (values
    ('Not this.', null, 'TM601 If-Match', 'a missing version is refused'),
    ('Not this.', array['x'], 'TM501 If-Match', 'another version is refused'),
    ('Second.', array[:'first_tag'], null, 'the version that was read is accepted'),
    ('Third.', array[:'first_tag'], 'TM501 If-Match', 'a version is refused after it has changed')
) as v (biography, versions, refusal, sentence);
select is(d.biography, 'Second.', 'update_doctor: a refused version changes nothing')
from api.get_doctor(pg_temp.id_of('doctor')) as d;

select * from finish();
rollback;
