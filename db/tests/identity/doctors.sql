begin;
\ir ../helpers/actors.psql
select plan(60);
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
    ('fee_minor', '0', true, 'A fee of zero is accepted'),
    ('fee_minor', '-1', false, 'A negative fee is refused'),
    ('fee_minor', '1000000000001', false, 'A fee above 10^12 minor units is refused'),
    ('currency', 'USD', true, 'A fee in US dollars is accepted'),
    ('currency', 'usd', false, 'A currency in small letters is refused'),
    ('currency', 'ABC', false, 'A currency that does not exist is refused'),
    ('time_zone', 'America/New_York', true, 'A change of time zone to New York is accepted'),
    ('time_zone', 'Mars/Olympus_Mons', false, 'A time zone that does not exist is refused'),
    ('time_zone', 'CEST', false, 'The abbreviation of a time zone is refused'),
    ('specialty', '', false, 'An empty specialty is refused'),
    ('specialty', repeat('s', 201), false, 'A specialty of 201 characters is refused'),
    ('languages', '{es,en}', true, 'Two languages are accepted'),
    ('languages', '{}', true, 'A doctor may have no language'),
    ('languages', '{es,en,es}', false, 'A language that occurs twice is refused'),
    ('languages', '{es,null}', false, 'A null among the languages is refused'),
    ('languages', '{es,xx}', false, 'A language that ISO 639-1 does not have is refused'),
    ('languages', '{aa,ab,af,ak,am,an,ar,as,av,ay,az,ba,be,bg,bi,bm,bn,bo,br,bs}', true,
     'Twenty languages are accepted'),
    ('languages', '{aa,ab,af,ak,am,an,ar,as,av,ay,az,ba,be,bg,bi,bm,bn,bo,br,bs,ca}', false,
     'Twenty-one languages are refused'),
    ('biography', 'Born in Prague.', true, 'A biography is accepted'),
    ('biography', '', false, 'An empty biography is refused'),
    ('biography', repeat('b', 4001), false, 'A biography of 4001 characters is refused'),
    ('practising_since', '1900', true, 'A practice since 1900 is accepted'),
    ('practising_since', '1899', false, 'A practice since 1899 is refused'),
    ('practising_since', '2027', true, 'A practice since this year is accepted'),
    ('practising_since', '2028', false, 'A practice since next year is refused'),
    ('photo_url', 'https://clinic.example/1.jpg', true, 'A photo at an https address is accepted'),
    ('photo_url', 'http://clinic.example/1.jpg', false, 'A photo at an http address is refused'),
    ('role', 'patient', false, 'A doctor with another role than doctor is refused'))
    as v (column_name, value, is_taken, sentence);

select throws_ok(
    format(
        $$
        insert into app.doctors (user_id, specialty, time_zone, fee_minor, currency)
        values (%L, 'Cardiology', 'UTC', 5000, 'EUR')
        $$, v.user_id),
    v.code, null, v.sentence)
from (values
    (pg_temp.id_of('patient'), '23503', 'A doctor row of a patient is refused'),
    (pg_temp.id_of('admin'), '23503', 'A doctor row of an admin is refused'),
    (gen_random_uuid(), 'TM209', 'A doctor row of a user who does not exist is refused'),
    (pg_temp.id_of('doctor'), '23505',
     'A second doctor row of the same user is refused')) as v (user_id, code, sentence);
select throws_ok(
    format('update app.doctors set fee_minor = null where user_id = %L', :'doctor'),
    '23502', null, 'A doctor without a fee is refused');

select throws_ok(
    format(
        'update app.doctors set user_id = %L where user_id = %L',
        pg_temp.id_of('other_doctor'), :'doctor'),
    'TM912', null, 'A doctor row cannot move to another user');
select throws_ok(
    format('delete from app.doctors where user_id = %L', :'doctor'),
    'TM912', null, 'A doctor cannot be deleted');
select throws_ok(
    'truncate app.doctors cascade', 'TM912', null, 'The doctors cannot be truncated');

select pg_temp.sign_in('admin');
update app.doctors set fee_minor = 7000 where user_id = :'doctor';
select collect_tap(
    is(l.row_id, :'doctor', 'The audit log has a change of fee under the id of the doctor'),
    is(l.old ->> 'fee_minor', '0', 'The audit log has the old fee'),
    is(l.new ->> 'fee_minor', '7000', 'The audit log has the new fee'),
    is(l.user_id, pg_temp.id_of('admin'), 'The audit log names the admin who changed the fee'))
from app.audit_logs as l where l.table_name = 'doctors' order by l.id desc limit 1;
select is(l.new ->> 'specialty', 'Cardiology', 'The audit log has a new doctor')
from app.audit_logs as l
where l.table_name = 'doctors' and l.row_id = :'doctor' and l.operation = 'INSERT';

-- What triggers set
create function pg_temp.search_text()
returns text language sql
as $$ select d.search_text from app.doctors as d where d.user_id = pg_temp.id_of('doctor') $$;
update app.doctors
set languages = '{cs,es}', specialty = 'Ohrenheilkunde', specialty_code = 'cardiology',
    search_text = 'something else'
where user_id = :'doctor';
select is(
    (select d.specialty_code::text from app.doctors as d where d.user_id = :'doctor'),
    'ohrenheilkunde', 'A doctor has the code of their specialty, whatever is written');
update app.doctors set specialty_code = 'cardiology' where user_id = :'doctor';
select is(
    (select d.specialty_code::text from app.doctors as d where d.user_id = :'doctor'),
    'ohrenheilkunde', 'The code of a specialty cannot change without the specialty');
select is(
    pg_temp.search_text(), 'doctor doctor ohrenheilkunde czech spanish',
    'The text for searches has the name, the specialty and the languages');
update app.profiles set full_name = 'Tomáš Král' where user_id = :'doctor';
select is(
    pg_temp.search_text(), 'tomas kral ohrenheilkunde czech spanish',
    'The text for searches follows the name in the profile');

-- At commit, every user has a profile and every doctor a doctor row
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
    'The profile and the doctor row may follow the account in the same transaction');
select is(
    pg_temp.refusal_at_commit('nobody', 'select'), 'TM209',
    'An account of a doctor with neither a profile nor a doctor row is refused at commit');
insert into app.profiles (user_id, full_name)
select u.id, 'Dr. Late' from app.users as u where u.email = 'late@clinic.test';
select is(pg_temp.refusal_at_commit('nobody', 'select'), 'TM209',
    'An account of a doctor with a profile alone is refused at commit');
insert into app.doctors (user_id, specialty, time_zone, fee_minor, currency)
select u.id, 'Neurology', 'UTC', 0, 'EUR' from app.users as u where u.email = 'late@clinic.test';
select is(pg_temp.refusal_at_commit('nobody', 'select'), null,
    'An account of a doctor with a profile and a doctor row is accepted at commit');
select is(
    pg_temp.refusal_at_commit('nobody', pg_temp.user_sql('a@clinic.test', v.role, v.present)),
    v.refusal, v.sentence)
from (values
    ('patient', '{}'::text[], 'TM209', 'A new patient without a profile is refused at commit'),
    ('admin', '{}', 'TM209', 'A new admin without a profile is refused at commit'),
    ('doctor', '{practice}', 'TM209',
     'A new doctor with a doctor row and without a profile is refused'),
    ('doctor', '{profile}', 'TM209',
     'A new doctor with a profile and without a doctor row is refused at commit'),
    ('doctor', '{profile,practice}', null,
     'A new doctor with a profile and a doctor row is accepted at commit')
) as v (role, present, refusal, sentence);
select is(
    pg_temp.refusal_at_commit('nobody', format(
        'update app.users set role = %L where id = %L', v.role, pg_temp.id_of('other_patient'))),
    v.refusal, v.sentence)
from (values
    ('doctor', 'TM209', 'A patient cannot become a doctor without a doctor row'),
    ('admin', null, 'A patient can become an admin without a doctor row'),
    ('patient', null, 'An admin can become a patient without a doctor row')
) as v (role, refusal, sentence);
select is(
    pg_temp.refusal_at_commit('nobody', format(
        'update app.users set role = ''doctor'' where id = %1$L; '
        'insert into app.doctors (user_id, specialty, time_zone, fee_minor, currency) '
        'values (%1$L, ''Neurology'', ''UTC'', 0, ''EUR'')', pg_temp.id_of('other_patient'))),
    null, 'A patient can become a doctor with a doctor row');

-- The deferred checks in a transaction of the REST API
set local role telemed_api;
select pg_temp.sign_in('admin');
select lives_ok(
    $$
    select api.onboard_doctor(
        'new@clinic.test', '$2b$04$' || repeat('a', 53), 'Dr. New', 'Neurology', 'UTC', 0, 'EUR')
    $$,
    'The REST API can onboard a doctor');
select lives_ok('set constraints all immediate',
    'The deferred checks work although the REST API cannot read the tables');

select * from finish();
rollback;
