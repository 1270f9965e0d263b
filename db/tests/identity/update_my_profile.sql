begin;
\ir ../helpers/actors.psql
select plan(52);

-- The permitted path
select pg_temp.sign_in('patient');
select collect_tap(
    is(u.full_name, 'Pat Example', 'update_my_profile: a patient can change their name'),
    is(u.phone, '+49 30 1234567', 'update_my_profile: a patient can change their phone number'),
    is(u.date_of_birth, '1980-02-29',
        'update_my_profile: a patient can change their date of birth'),
    is(u.email, 'patient@clinic.test', 'update_my_profile: the e-mail address stays as it is'),
    is(u.role, 'patient', 'update_my_profile: the role stays as it is'))
from api.update_my_profile('Pat Example', '+49 30 1234567', '1980-02-29', p_versions => '{*}') as u;
select collect_tap(
    is(u.full_name, 'Pat Example', 'update_my_profile: a null name leaves the name as it is'),
    is(u.phone, '+49 30 1234567',
        'update_my_profile: a null phone number leaves the phone number as it is'),
    is(u.date_of_birth, '1980-02-29',
        'update_my_profile: a null date of birth leaves the date of birth as it is'))
from api.update_my_profile(p_versions => '{*}') as u;
select collect_tap(
    is(u.phone, null, 'update_my_profile: a cleared phone number is null'),
    is(u.date_of_birth, '1980-02-29',
        'update_my_profile: a field that is not cleared stays as it is'),
    is(u.full_name, 'Pat Example',
        'update_my_profile: clearing the phone number leaves the name as it is'))
from api.update_my_profile(p_clear => '{phone}', p_versions => '{*}') as u;
select pg_temp.sign_in('other_patient');
select collect_tap(
    is(u.full_name, 'Patient other_patient',
        'update_my_profile: the name of another user stays as it is'),
    is(u.date_of_birth, null,
        'update_my_profile: the date of birth of another user stays as it is'))
from api.my_profile() as u;

reset role;
select collect_tap(
    is(l.old ->> 'full_name', 'Patient patient',
        'update_my_profile: the audit log has the old values'),
    is(l.new ->> 'phone', '+49 30 1234567', 'update_my_profile: the audit log has the new values'),
    is(l.user_id, pg_temp.id_of('patient'), 'update_my_profile: the audit log names the user'))
from app.audit_logs as l
where l.table_name = 'profiles' and l.operation = 'UPDATE' order by l.id limit 1;
set local role telemed_api;

select pg_temp.sign_in('doctor');
select is(u.full_name, 'Dr. Grace Example', 'update_my_profile: a doctor can change their name')
from api.update_my_profile('Dr. Grace Example', p_versions => '{*}') as u;
select is(d.full_name, 'Dr. Grace Example',
    'update_my_profile: patients see the new name of a doctor')
from api.get_doctor(pg_temp.id_of('doctor')) as d;
select pg_temp.sign_in('admin');
select is(u.phone, '112-112', 'update_my_profile: an admin can change their phone number')
from api.update_my_profile(p_phone => '112-112', p_versions => '{*}') as u;

-- Refusals
select pg_temp.sign_in('patient');
select is(u.date_of_birth, '2027-01-05',
    'update_my_profile: a date of birth tomorrow is accepted, as it is today further east')
from api.update_my_profile(p_date_of_birth => '2027-01-05', p_versions => '{*}') as u;
select throws_ok(
    format('select api.update_my_profile(%s, p_versions => ''{*}'')', v.arguments), v.code, null, v.sentence)
from (values
    ($$ p_date_of_birth => '2027-01-06' $$, 'TM201',
     'update_my_profile: a date of birth after tomorrow is refused'),
    ($$ p_date_of_birth => 'infinity' $$, 'TM201',
     'update_my_profile: the date of birth infinity is refused'),
    ($$ p_date_of_birth => '1869-12-31' $$, '23514',
     'update_my_profile: a date of birth before 1870 is refused'),
    ($$ p_date_of_birth => '-infinity' $$, '23514',
     'update_my_profile: the date of birth minus infinity is refused'),
    ($$ p_full_name => '' $$, '23514', 'update_my_profile: an empty name is refused'),
    ($$ p_full_name => '   ' $$, '23514', 'update_my_profile: a name of spaces only is refused'),
    ($$ p_full_name => repeat('n', 201) $$, '23514',
     'update_my_profile: a name of 201 characters is refused'),
    ($$ p_phone => 'none' $$, '23514',
     'update_my_profile: a phone number without digits is refused'),
    ($$ p_phone => ' ' $$, '23514',
     'update_my_profile: a phone number of one space is refused')) as v (arguments, code, sentence);
select is(u.full_name, 'Pat Example',
    'update_my_profile: a refusal changes nothing') from api.my_profile() as u;


reset role;
create function pg_temp.field_at_fault()
returns text language plpgsql
as $$
declare
    v_field text;
begin
    perform api.update_my_profile(p_date_of_birth => '2028-01-01', p_versions => '{*}');
exception when others then
    get stacked diagnostics v_field = column_name;
    return v_field;
end;
$$;
set local role telemed_api;
select is(
    pg_temp.field_at_fault(), 'date_of_birth',
    'update_my_profile: the refusal of a date of birth names the field date_of_birth');

-- Language and time zone
select pg_temp.sign_in('patient');
select collect_tap(
    is(u.language, 'pt-BR', 'update_my_profile: a patient can choose a language'),
    is(u.time_zone, 'America/Sao_Paulo', 'update_my_profile: a patient can choose a time zone'))
from api.update_my_profile(p_language => 'pt-BR', p_time_zone => 'America/Sao_Paulo', p_versions => '{*}') as u;
select collect_tap(
    is(u.language, 'pt-BR', 'update_my_profile: a null language leaves the language as it is'),
    is(u.time_zone, null, 'update_my_profile: a cleared time zone is null'))
from api.update_my_profile(p_clear => '{time_zone}', p_versions => '{*}') as u;
select is(
    (u.language, u.date_of_birth), (null::text, null::date),
    'update_my_profile: several fields can be cleared at once')
from api.update_my_profile(p_clear => '{language,date_of_birth}', p_versions => '{*}') as u;
select is(
    (u.language, u.phone), ('es'::text, null::text),
    'update_my_profile: a field that is cleared and given gets its value')
from api.update_my_profile(p_language => 'es', p_clear => '{language}', p_versions => '{*}') as u;
select is(
    pg_temp.refusal('patient', format('select api.update_my_profile(%s, p_versions => ''{*}'')', v.arguments)),
    v.refusal, v.sentence)
from (values
    ($$ p_time_zone => '' $$, 'TM204 time_zone',
     'update_my_profile: an empty time zone is refused'),
    ($$ p_phone => '' $$, '23514', 'update_my_profile: an empty phone number is refused'),
    ($$ p_language => '' $$, '23514', 'update_my_profile: an empty language is refused'),
    ($$ p_clear => '{full_name}' $$, 'TM201 full_name',
     'update_my_profile: the name cannot be cleared'),
    ($$ p_clear => '{phone,email}' $$, 'TM201 email',
     'update_my_profile: an unknown field cannot be cleared'),
    ($$ p_time_zone => 'CET' $$, 'TM204 time_zone',
     'update_my_profile: an abbreviation of a time zone is refused'),
    ($$ p_language => 'Portuguese' $$, '23514',
     'update_my_profile: the name of a language is refused')) as v (arguments, refusal, sentence);

-- Versions
reset role;
select pg_temp.sign_in('other_patient');
select app.entity_tag(u) as foreign_tag from api.my_profile() as u \gset
select pg_temp.sign_in('patient');
select app.entity_tag(u) as first_tag from api.my_profile() as u \gset
set local role telemed_api;
select is(
    pg_temp.refusal('patient', format(
        'select api.update_my_profile(%L, p_versions => %L)', v.full_name, v.versions)),
    v.refusal, 'update_my_profile: ' || v.sentence)
from (values
    ('Not This', array[:'foreign_tag'], 'TM501 If-Match', 'a version of another user is refused'),
    ('Not This', null, 'TM601 If-Match', 'a missing version is refused'),
    ('Second Name', array[:'first_tag'], null, 'the version that was read is accepted'),
    ('Third Name', array[:'first_tag'], 'TM501 If-Match',
     'a version is refused after it has changed')
) as v (full_name, versions, refusal, sentence);
select is(u.full_name, 'Second Name', 'update_my_profile: a refused version changes nothing')
from api.my_profile() as u;
reset role;
select pg_temp.sign_in('patient');
select app.entity_tag(u) as second_tag from api.update_my_profile(
    'Fourth Name', p_versions => '{*}') as u \gset
select is(
    app.entity_tag(u), :'second_tag',
    'update_my_profile: the tag of the answer is the tag of the next read')
from api.my_profile() as u;
set local role telemed_api;

-- Callers without the right
select pg_temp.sign_in('nobody');
select throws_ok(
    $$ select api.update_my_profile('Nobody', p_versions => '{*}') $$, 'TM101', null,
    'update_my_profile: a caller who is not logged in is refused');
reset role;
update app.users set deactivated_at = app.clock() where id = pg_temp.id_of('patient');
set local role telemed_api;
select pg_temp.sign_in('patient');
select throws_ok(
    $$ select api.update_my_profile('Gone', p_versions => '{*}') $$, 'TM102', null,
    'update_my_profile: a deactivated user is refused');

select * from finish();
rollback;
