begin;
\ir ../helpers/actors.psql
\ir ../helpers/keys.psql
select plan(58);

-- The permitted path
select pg_temp.sign_in('admin');
select id as new_doctor from api.onboard_doctor(
    'grace@clinic.test', '$2b$04$' || repeat('a', 53), 'Dr. Grace Example', 'Neurology',
    'America/New_York', 12000, 'USD') \gset
select collect_tap(
    is(d.full_name, 'Dr. Grace Example', 'onboard_doctor: the doctor has the given name'),
    is(d.specialty, 'Neurology', 'onboard_doctor: the doctor has the given specialty'),
    is(d.time_zone, 'America/New_York', 'onboard_doctor: the doctor has the given time zone'),
    is(d.fee_minor, 12000::bigint, 'onboard_doctor: the doctor has the given fee'),
    is(d.currency, 'USD', 'onboard_doctor: the doctor has the given currency'))
from api.get_doctor(:'new_doctor') as d;
select is(
    (api.log_in('grace@clinic.test', '$2b$04$' || repeat('a', 53))).role, 'doctor',
    'onboard_doctor: the doctor can log in');
select pg_temp.sign_in('admin');
reset role;
select is(
    array_agg(l.table_name::text order by l.id), '{users,profiles,doctors}',
    'onboard_doctor: the audit log has the account, the profile and the doctor')
from app.audit_logs as l where l.row_id = :'new_doctor' and l.user_id = pg_temp.id_of('admin');
set local role telemed_api;
select is(d.fee_minor, 0::bigint, 'onboard_doctor: a fee of zero is accepted')
from api.onboard_doctor(
    'free@clinic.test', '$2b$04$' || repeat('a', 53), 'Dr. Free', 'Neurology', 'UTC', 0,
    'EUR') as d;

-- The fields that may be missing
select collect_tap(
    is(d.languages, '{cs,en}', 'onboard_doctor: the doctor has the given languages'),
    is(d.biography, 'Born in Prague.', 'onboard_doctor: the doctor has the given biography'),
    is(d.practising_since, 1998, 'onboard_doctor: the doctor has the given first year'),
    is(d.photo_url, 'https://clinic.example/kral.jpg',
        'onboard_doctor: the doctor has the given photo'),
    is(d.specialty_code, 'general_practice',
        'onboard_doctor: the doctor has the code of the specialty'))
from api.onboard_doctor(
    'kral@clinic.test', '$2b$04$' || repeat('a', 53), 'Dr. Král', 'General practice',
    'Europe/Prague', 0, 'CZK', '{cs,en}', 'Born in Prague.', 1998,
    'https://clinic.example/kral.jpg') as d;
select is(
    (d.languages, d.biography, d.practising_since, d.photo_url),
    ('{}'::text[], null::text, null::integer, null::text),
    'onboard_doctor: languages, biography, first year and photo may be missing')
from api.get_doctor(:'new_doctor') as d;

-- Refusals
reset role;
create function pg_temp.onboard(
    p_email text default 'b@clinic.test',
    p_password_hash text default '$2b$04$' || repeat('a', 53),
    p_full_name text default 'Dr. B',
    p_specialty text default 'Neurology',
    p_time_zone text default 'UTC',
    p_fee_minor bigint default 5000,
    p_currency text default 'EUR',
    p_languages text[] default '{}',
    p_biography text default null,
    p_practising_since integer default null,
    p_photo_url text default null)
returns void language sql
as $$
    select api.onboard_doctor(
        p_email, p_password_hash, p_full_name, p_specialty, p_time_zone, p_fee_minor, p_currency,
        p_languages, p_biography, p_practising_since, p_photo_url)
$$;
create function pg_temp.field_at_fault(p_statement text)
returns text language plpgsql
as $$
declare
    v_field text;
begin
    execute p_statement;
    return 'none';
exception when others then
    get stacked diagnostics v_field = column_name;
    return v_field;
end;
$$;
select count(*) as users from app.users \gset
set local role telemed_api;

select throws_ok(format('select pg_temp.onboard(%s)', v.arguments), v.code, null, v.sentence)
from (values
    ($$ p_email => 'GRACE@clinic.test' $$, 'TM911',
     'onboard_doctor: a registered e-mail address is refused'),
    ($$ p_email => 'patient@clinic.test' $$, 'TM911',
     'onboard_doctor: the e-mail address of a patient is refused'),
    ($$ p_email => 'nowhere' $$, '23514',
     'onboard_doctor: a text that is no e-mail address is refused'),
    ($$ p_email => null $$, '23502', 'onboard_doctor: a null e-mail address is refused'),
    ($$ p_password_hash => 'secret' $$, '23514', 'onboard_doctor: a password in clear is refused'),
    ($$ p_full_name => ' ' $$, '23514', 'onboard_doctor: a name of spaces only is refused'),
    ($$ p_specialty => null $$, '23502', 'onboard_doctor: a null specialty is refused'),
    ($$ p_specialty => repeat('s', 201) $$, '23514',
     'onboard_doctor: a specialty of 201 characters is refused'),
    ($$ p_time_zone => 'Berlin' $$, 'TM204',
     'onboard_doctor: a time zone that does not exist is refused'),
    ($$ p_time_zone => 'CEST' $$, 'TM204',
     'onboard_doctor: an abbreviation of a time zone is refused'),
    ($$ p_time_zone => 'CET' $$, 'TM204',
     'onboard_doctor: an abbreviation that is also the name of a zone is refused'),
    ($$ p_time_zone => null $$, 'TM204', 'onboard_doctor: a null time zone is refused'),
    ($$ p_fee_minor => -1 $$, '23514', 'onboard_doctor: a negative fee is refused'),
    ($$ p_fee_minor => 1000000000001 $$, '23514',
     'onboard_doctor: a fee above 10^12 minor units is refused'),
    ($$ p_fee_minor => null $$, '23502', 'onboard_doctor: a null fee is refused'),
    ($$ p_languages => null $$, 'TM201', 'onboard_doctor: null languages are refused'),
    ($$ p_languages => '{es,xx}' $$, 'TM201',
     'onboard_doctor: a language that ISO 639-1 does not have is refused'),
    ($$ p_languages => '{ES}' $$, 'TM201',
     'onboard_doctor: a language in capital letters is refused'),
    ($$ p_languages => '{es,es}' $$, 'TM201',
     'onboard_doctor: a language that occurs twice is refused'),
    ($$ p_languages => array_fill('es'::text, '{21}') $$, 'TM201',
     'onboard_doctor: 21 languages are refused'),
    ($$ p_biography => '' $$, '23514', 'onboard_doctor: an empty biography is refused'),
    ($$ p_practising_since => 1899 $$, 'TM201',
     'onboard_doctor: a practice since 1899 is refused'),
    ($$ p_practising_since => 2028 $$, 'TM201',
     'onboard_doctor: a practice since next year is refused'),
    ($$ p_photo_url => 'http://clinic.example/' $$, '23514',
     'onboard_doctor: a photo that is not at an https address is refused'),
    ($$ p_currency => 'eur' $$, 'TM201', 'onboard_doctor: a currency in small letters is refused'),
    ($$ p_currency => 'ABC' $$, 'TM201',
     'onboard_doctor: a currency that does not exist is refused'),
    ($$ p_currency => null $$, '23502',
     'onboard_doctor: a null currency is refused')) as v (arguments, code, sentence);
select is(
    pg_temp.field_at_fault($$ select pg_temp.onboard(p_time_zone => 'Berlin') $$), 'time_zone',
    'onboard_doctor: the refusal of a time zone names the field time_zone');
select is(
    pg_temp.field_at_fault($$ select pg_temp.onboard(p_email => 'grace@clinic.test') $$), 'email',
    'onboard_doctor: the refusal of an e-mail address names the field email');
select is(
    pg_temp.field_at_fault($$ select pg_temp.onboard(p_languages => '{xx}') $$), 'languages',
    'onboard_doctor: the refusal of a language names the field languages');
select is(
    pg_temp.field_at_fault($$ select pg_temp.onboard(p_practising_since => 1) $$),
    'practising_since', 'onboard_doctor: the refusal of a year names the field practising_since');
select is(
    pg_temp.field_at_fault($$ select pg_temp.onboard(p_currency => 'ABC') $$), 'currency',
    'onboard_doctor: the refusal of a currency names the field currency');
reset role;
select is(count(*), :'users', 'onboard_doctor: a refusal leaves no account') from app.users;
set local role telemed_api;

-- The same request in another composition of letters
select id as keyed from api.onboard_doctor(
    'jörg@clinic.test', '$2b$04$' || repeat('a', 53), 'Jörg É', 'Gynäkologie', 'UTC', 1, 'EUR',
    p_idempotency_key => 'key') \gset
select is(d.id, :'keyed',
    'onboard_doctor: a retry with another composition of the letters replays the answer')
from api.onboard_doctor(
    normalize('JÖRG@clinic.test', nfd), '$2b$04$' || repeat('b', 53), normalize('Jörg É', nfd),
    normalize('Gynäkologie', nfd), 'UTC', 1, 'EUR', p_idempotency_key => 'key') as d;

-- Callers without the right
select pg_temp.sign_in('doctor');
select throws_ok('select pg_temp.onboard()', 'TM301', null, 'onboard_doctor: a doctor is refused');
select pg_temp.sign_in('patient');
select throws_ok('select pg_temp.onboard()', 'TM301', null, 'onboard_doctor: a patient is refused');
select pg_temp.sign_in('nobody');
select throws_ok('select pg_temp.onboard()', 'TM101', null,
    'onboard_doctor: a caller who is not logged in is refused');
reset role;
update app.users set deactivated_at = app.clock() where id = pg_temp.id_of('admin');
set local role telemed_api;
select pg_temp.sign_in('admin');
select throws_ok('select pg_temp.onboard()', 'TM102', null,
    'onboard_doctor: a deactivated admin is refused');

select throws_ok(
    $$ insert into app.doctors (user_id) values (gen_random_uuid()) $$,
    '42501', null, 'onboard_doctor: the REST API cannot insert a doctor directly');

-- Under an idempotency key
reset role;
update app.users set deactivated_at = null where id = pg_temp.id_of('admin');
select pg_temp.honours_key('onboard_doctor', 'admin',
    format($$ 'keyed@clinic.test', %L, 'New', 'Surgery', 'UTC', 100, 'EUR' $$,
        '$2b$04$' || repeat('b', 53)),
    format($$ 'keyed@clinic.test', %L, 'New', 'Surgery', 'UTC', 101, 'EUR' $$,
        '$2b$04$' || repeat('b', 53)));

select * from finish();
rollback;
