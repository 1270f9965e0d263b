begin;
\ir ../helpers/actors.psql
select plan(40);
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
    (gen_random_uuid(), 'TM209', 'nor somebody who does not exist'),
    (pg_temp.id_of('doctor'), '23505', 'a doctor has one practice')) as v (user_id, code, sentence);
select throws_ok(
    format('update app.doctors set fee_minor = null where user_id = %L', :'doctor'),
    '23502', null, 'a doctor has a fee');

select throws_ok(
    format(
        'update app.doctors set user_id = %L where user_id = %L',
        pg_temp.id_of('other_doctor'), :'doctor'),
    'TM912', null, 'a practice does not change its owner');
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

-- When a transaction ends, every user has a profile and every doctor a practice
create function pg_temp.user_sql(p_email text, p_role text, p_with text[])
returns text language plpgsql
as $$
declare
    v_id uuid := app.uuid_v7();
    v_sql text := format(
        'insert into app.users (id, email, password_hash, role) values (%L, %L, %L, %L)',
        v_id, p_email, '$2b$04$' || repeat('a', 53), p_role);
begin
    if 'profile' = any (p_with) then
        v_sql := v_sql || format(
            '; insert into app.profiles (user_id, full_name) values (%L, ''Somebody'')', v_id);
    end if;
    if 'practice' = any (p_with) then
        v_sql := v_sql || format(
            '; insert into app.doctors (user_id, specialty, time_zone, fee_minor, currency) '
            'values (%L, ''Neurology'', ''UTC'', 0, ''EUR'')', v_id);
    end if;
    return v_sql;
end;
$$;
select is(
    pg_temp.refusal('nobody', pg_temp.user_sql('late@clinic.test', 'doctor', '{}')), null,
    'profile and practice of a doctor may follow later in the transaction');
select is(
    pg_temp.refusal_at_commit('nobody', 'select'), 'TM209', 'but before its end');
insert into app.profiles (user_id, full_name)
select u.id, 'Dr. Late' from app.users as u where u.email = 'late@clinic.test';
select is(pg_temp.refusal_at_commit('nobody', 'select'), 'TM209', 'the profile is not enough');
insert into app.doctors (user_id, specialty, time_zone, fee_minor, currency)
select u.id, 'Neurology', 'UTC', 0, 'EUR' from app.users as u where u.email = 'late@clinic.test';
select is(pg_temp.refusal_at_commit('nobody', 'select'), null, 'with both the account may stay');
select is(
    pg_temp.refusal_at_commit('nobody', pg_temp.user_sql('a@clinic.test', v.role, v.present)),
    v.refusal, v.sentence)
from (values
    ('patient', '{}'::text[], 'TM209', 'a patient without a profile does not stay'),
    ('admin', '{}', 'TM209', 'nor does an admin'),
    ('doctor', '{practice}', 'TM209', 'nor a doctor who has a practice only'),
    ('doctor', '{profile}', 'TM209', 'nor one who has a profile only'),
    ('doctor', '{profile,practice}', null, 'a doctor with both stays')
) as v (role, present, refusal, sentence);
select is(
    pg_temp.refusal_at_commit('nobody', format(
        'update app.users set role = %L where id = %L', v.role, pg_temp.id_of('other_patient'))),
    v.refusal, v.sentence)
from (values
    ('doctor', 'TM209', 'a patient does not become a doctor without a practice'),
    ('admin', null, 'an admin needs none'),
    ('patient', null, 'nor does an admin who becomes a patient')
) as v (role, refusal, sentence);
select is(
    pg_temp.refusal_at_commit('nobody', format(
        'update app.users set role = ''doctor'' where id = %1$L; '
        'insert into app.doctors (user_id, specialty, time_zone, fee_minor, currency) '
        'values (%1$L, ''Neurology'', ''UTC'', 0, ''EUR'')', pg_temp.id_of('other_patient'))),
    null, 'a patient who gets a practice becomes a doctor');

-- The checks at the end run as whoever ends the transaction
set local role telemed_api;
select pg_temp.sign_in('admin');
select lives_ok(
    $$
    select api.onboard_doctor(
        'new@clinic.test', '$2b$04$' || repeat('a', 53), 'Dr. New', 'Neurology', 'UTC', 0, 'EUR')
    $$,
    'an admin adds a doctor');
select lives_ok('set constraints all immediate', 'and the REST API ends the transaction');

select * from finish();
rollback;
