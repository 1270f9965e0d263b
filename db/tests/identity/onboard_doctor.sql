begin;
\ir ../helpers/actors.psql
select plan(35);

-- The permitted path
select pg_temp.sign_in('admin');
select id as new_doctor from api.onboard_doctor(
    'grace@clinic.test', '$2b$04$' || repeat('a', 53), 'Dr. Grace Example', 'Neurology',
    'America/New_York', 12000, 'USD') \gset
select collect_tap(
    is(d.full_name, 'Dr. Grace Example', 'an admin adds a doctor'),
    is(d.specialty, 'Neurology', 'with a specialty'),
    is(d.time_zone, 'America/New_York', 'a time zone'),
    is(d.fee_minor, 12000::bigint, 'a fee'),
    is(d.currency, 'USD', 'and its currency'))
from api.get_doctor(:'new_doctor') as d;
select is(
    (api.log_in('grace@clinic.test', '$2b$04$' || repeat('a', 53))).role, 'doctor',
    'the doctor can log in');
select pg_temp.sign_in('admin');
reset role;
select is(
    array_agg(l.table_name::text order by l.id), '{users,profiles,doctors}',
    'the account, the profile and the practice each leave a trace')
from app.audit_logs as l where l.row_id = :'new_doctor' and l.user_id = pg_temp.id_of('admin');
set local role telemed_api;
select is(d.fee_minor, 0::bigint, 'a doctor may see patients for free')
from api.onboard_doctor(
    'free@clinic.test', '$2b$04$' || repeat('a', 53), 'Dr. Free', 'Neurology', 'UTC', 0,
    'EUR') as d;

-- Refusals
reset role;
create function pg_temp.onboard(
    p_email text default 'b@clinic.test',
    p_password_hash text default '$2b$04$' || repeat('a', 53),
    p_full_name text default 'Dr. B',
    p_specialty text default 'Neurology',
    p_time_zone text default 'UTC',
    p_fee_minor bigint default 5000,
    p_currency text default 'EUR')
returns void language sql
as $$
    select api.onboard_doctor(
        p_email, p_password_hash, p_full_name, p_specialty, p_time_zone, p_fee_minor, p_currency)
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
    ($$ p_email => 'GRACE@clinic.test' $$, 'TM911', 'an address that is registered is refused'),
    ($$ p_email => 'patient@clinic.test' $$, 'TM911', 'a patient''s address too'),
    ($$ p_email => 'nowhere' $$, '23514', 'what is not an address is refused'),
    ($$ p_email => null $$, '23502', 'a doctor has an address'),
    ($$ p_password_hash => 'secret' $$, '23514', 'a password in clear is refused'),
    ($$ p_full_name => ' ' $$, '23514', 'a doctor has a name'),
    ($$ p_specialty => null $$, '23502', 'a doctor has a specialty'),
    ($$ p_specialty => repeat('s', 201) $$, '23514', 'of at most 200 characters'),
    ($$ p_time_zone => 'Berlin' $$, 'TM204', 'a time zone that does not exist is refused'),
    ($$ p_time_zone => 'CEST' $$, 'TM204', 'an abbreviation too'),
    ($$ p_time_zone => 'CET' $$, 'TM204', 'also one that is the name of a zone'),
    ($$ p_time_zone => null $$, 'TM204', 'a missing time zone too'),
    ($$ p_fee_minor => -1 $$, '23514', 'a fee is not below zero'),
    ($$ p_fee_minor => 1000000000001 $$, '23514', 'nor above 10^12'),
    ($$ p_fee_minor => null $$, '23502', 'nor missing'),
    ($$ p_currency => 'eur' $$, '23514', 'a currency is in capital letters'),
    ($$ p_currency => 'ABC' $$, '23514', 'and exists'),
    ($$ p_currency => null $$, '23502', 'and is not missing')) as v (arguments, code, sentence);
select is(
    pg_temp.field_at_fault($$ select pg_temp.onboard(p_time_zone => 'Berlin') $$), 'time_zone',
    'the refusal of a time zone names the field');
select is(
    pg_temp.field_at_fault($$ select pg_temp.onboard(p_email => 'grace@clinic.test') $$), 'email',
    'the refusal of an address names the field');
reset role;
select is(count(*), :'users', 'a refused doctor leaves no account') from app.users;
set local role telemed_api;

-- The same request in another spelling
select id as keyed from api.onboard_doctor(
    'jörg@clinic.test', '$2b$04$' || repeat('a', 53), 'Jörg É', 'Gynäkologie', 'UTC', 1, 'EUR',
    'key') \gset
select is(d.id, :'keyed', 'a retry may compose its letters in another way')
from api.onboard_doctor(
    normalize('JÖRG@clinic.test', nfd), '$2b$04$' || repeat('b', 53), normalize('Jörg É', nfd),
    normalize('Gynäkologie', nfd), 'UTC', 1, 'EUR', 'key') as d;

-- Who may not
select pg_temp.sign_in('doctor');
select throws_ok('select pg_temp.onboard()', 'TM301', null, 'a doctor adds no doctors');
select pg_temp.sign_in('patient');
select throws_ok('select pg_temp.onboard()', 'TM301', null, 'nor does a patient');
select pg_temp.sign_in('nobody');
select throws_ok('select pg_temp.onboard()', 'TM101', null, 'nor does nobody');
reset role;
update app.users set deactivated_at = app.clock() where id = pg_temp.id_of('admin');
set local role telemed_api;
select pg_temp.sign_in('admin');
select throws_ok('select pg_temp.onboard()', 'TM102', null, 'nor does an admin who has left');

select throws_ok(
    $$ insert into app.doctors (user_id) values (gen_random_uuid()) $$,
    '42501', null, 'and there is no way around it');

select * from finish();
rollback;
