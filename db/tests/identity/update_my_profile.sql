begin;
\ir ../helpers/actors.psql
select plan(32);

-- The permitted path
select pg_temp.sign_in('patient');
select collect_tap(
    is(u.full_name, 'Pat Example', 'a patient changes their name'),
    is(u.phone, '+49 30 1234567', 'their phone number'),
    is(u.date_of_birth, '1980-02-29', 'and their date of birth'),
    is(u.email, 'patient@clinic.test', 'the address stays'),
    is(u.role, 'patient', 'so does the role'))
from api.update_my_profile('Pat Example', '+49 30 1234567', '1980-02-29') as u;
select collect_tap(
    is(u.full_name, 'Pat Example', 'what is not given stays: the name'),
    is(u.phone, '+49 30 1234567', 'the phone number'),
    is(u.date_of_birth, '1980-02-29', 'the date of birth'))
from api.update_my_profile() as u;
select collect_tap(
    is(u.phone, null, 'an empty phone number removes it'),
    is(u.full_name, 'Pat Example', 'and nothing else'))
from api.update_my_profile(p_phone => '') as u;
select pg_temp.sign_in('other_patient');
select collect_tap(
    is(u.full_name, 'Patient other_patient', 'nobody else''s name is changed'),
    is(u.date_of_birth, null, 'nor their date of birth'))
from api.my_profile() as u;

reset role;
select collect_tap(
    is(l.old ->> 'full_name', 'Patient patient', 'a change leaves a trace with the old values'),
    is(l.new ->> 'phone', '+49 30 1234567', 'and the new ones'),
    is(l.user_id, pg_temp.id_of('patient'), 'of who changed them'))
from app.audit_logs as l
where l.table_name = 'profiles' and l.operation = 'UPDATE' order by l.id limit 1;
set local role telemed_api;

select pg_temp.sign_in('doctor');
select is(u.full_name, 'Dr. Grace Example', 'a doctor changes their name')
from api.update_my_profile('Dr. Grace Example') as u;
select is(d.full_name, 'Dr. Grace Example', 'patients see it')
from api.get_doctor(pg_temp.id_of('doctor')) as d;
select pg_temp.sign_in('admin');
select is(u.phone, '112-112', 'an admin has a phone number too')
from api.update_my_profile(p_phone => '112-112') as u;

-- Refusals
select pg_temp.sign_in('patient');
select is(u.date_of_birth, '2027-01-05', 'a child may be born tomorrow, east of here')
from api.update_my_profile(p_date_of_birth => '2027-01-05') as u;
select throws_ok(
    format('select api.update_my_profile(%s)', v.arguments), v.code, null, v.sentence)
from (values
    ($$ p_date_of_birth => '2027-01-06' $$, 'TM201', 'but not the day after'),
    ($$ p_date_of_birth => 'infinity' $$, 'TM201', 'nor at the end of time'),
    ($$ p_date_of_birth => '1869-12-31' $$, '23514', 'nobody is that old'),
    ($$ p_date_of_birth => '-infinity' $$, '23514', 'nor older than time'),
    ($$ p_full_name => '' $$, '23514', 'a name is not empty'),
    ($$ p_full_name => '   ' $$, '23514', 'nor only spaces'),
    ($$ p_full_name => repeat('n', 201) $$, '23514', 'nor longer than 200 characters'),
    ($$ p_phone => 'none' $$, '23514', 'a phone number is a number'),
    ($$ p_phone => ' ' $$, '23514', 'a space does not remove it')) as v (arguments, code, sentence);
select is(u.full_name, 'Pat Example', 'a refusal changes nothing') from api.my_profile() as u;


reset role;
create function pg_temp.field_at_fault()
returns text language plpgsql
as $$
declare
    v_field text;
begin
    perform api.update_my_profile(p_date_of_birth => '2028-01-01');
exception when others then
    get stacked diagnostics v_field = column_name;
    return v_field;
end;
$$;
set local role telemed_api;
select is(
    pg_temp.field_at_fault(), 'date_of_birth', 'the refusal of a date of birth names the field');

-- Who may not
select pg_temp.sign_in('nobody');
select throws_ok(
    $$ select api.update_my_profile('Nobody') $$, 'TM101', null,
    'nobody is changed without signing in');
reset role;
update app.users set deactivated_at = app.clock() where id = pg_temp.id_of('patient');
set local role telemed_api;
select pg_temp.sign_in('patient');
select throws_ok(
    $$ select api.update_my_profile('Gone') $$, 'TM102', null,
    'a deactivated account is not changed');

select * from finish();
rollback;
