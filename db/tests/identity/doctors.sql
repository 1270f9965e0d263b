begin;
\ir ../helpers/actors.psql
select plan(24);
reset role;

select pg_temp.id_of('doctor') as doctor \gset

create function pg_temp.is_taken(p_column text, p_value text)
returns boolean language plpgsql
as $$
begin
    execute format('update app.doctors set %I = %L where user_id = %L',
        p_column, p_value, pg_temp.id_of('doctor'));
    return true;
exception when check_violation then
    return false;
end;
$$;

select is(pg_temp.is_taken(v.column_name, v.value), v.is_taken, v.sentence)
from (values
    ('fee_minor', '0', true, 'a consultation may be free'),
    ('fee_minor', '-1', false, 'a fee is never below zero'),
    ('fee_minor', '1000000000001', false, 'nor above 10^12'),
    ('currency', 'USD', true, 'a doctor may charge in dollars'),
    ('currency', 'usd', false, 'a currency is written in capital letters'),
    ('currency', 'ABC', false, 'a currency that does not exist is refused'),
    ('time_zone', 'America/New_York', true, 'a doctor may move to New York'),
    ('time_zone', 'Mars/Olympus_Mons', false, 'but not to Mars'),
    ('time_zone', 'CEST', false, 'an abbreviation is no time zone'),
    ('specialty', '', false, 'a specialty is not empty'),
    ('specialty', repeat('s', 201), false, 'nor longer than 200 characters'),
    ('role', 'patient', false, 'a doctor''s role is doctor'))
    as v (column_name, value, is_taken, sentence);

select throws_ok(
    format(
        $$
        insert into app.doctors (user_id, specialty, time_zone, fee_minor, currency)
        values (%L, 'Cardiology', 'UTC', 5000, 'EUR')
        $$, v.user_id),
    v.code, null, v.sentence)
from (values
    (pg_temp.id_of('patient'), '23503', 'a patient cannot have a practice'),
    (pg_temp.id_of('admin'), '23503', 'nor can an admin'),
    (gen_random_uuid(), '23503', 'nor somebody who does not exist'),
    (pg_temp.id_of('doctor'), '23505', 'a doctor has one practice')) as v (user_id, code, sentence);
select throws_ok(
    format('update app.doctors set fee_minor = null where user_id = %L', :'doctor'),
    '23502', null, 'a doctor has a fee');

select throws_ok(
    format('delete from app.doctors where user_id = %L', :'doctor'),
    'TM912', null, 'a doctor is never deleted');
select throws_ok(
    'truncate app.doctors cascade', 'TM912', null, 'nor are all of them at once');

select pg_temp.sign_in('admin');
update app.doctors set fee_minor = 7000 where user_id = :'doctor';
select collect_tap(
    is(l.row_id, :'doctor', 'a new fee leaves a trace under its doctor'),
    is(l.old ->> 'fee_minor', '0', 'with the old fee'),
    is(l.new ->> 'fee_minor', '7000', 'and the new one'),
    is(l.user_id, pg_temp.id_of('admin'), 'of who changed it'))
from app.audit_logs as l where l.table_name = 'doctors' order by l.id desc limit 1;
select is(l.new ->> 'specialty', 'Cardiology', 'so does a new doctor')
from app.audit_logs as l
where l.table_name = 'doctors' and l.row_id = :'doctor' and l.operation = 'INSERT';

select * from finish();
rollback;
