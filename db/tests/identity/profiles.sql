begin;
\ir ../helpers/actors.psql
select plan(44);
reset role;

select pg_temp.id_of('patient') as patient \gset

create function pg_temp.is_taken(p_column text, p_value text)
returns boolean language plpgsql
as $$
begin
    execute format('update app.profiles set %I = %L where user_id = %L',
        p_column, p_value, pg_temp.id_of('patient'));
    return true;
exception when check_violation then
    return false;
end;
$$;

select is(pg_temp.is_taken('phone', v.phone), v.is_taken, v.sentence)
from (values
    ('+49 (0)30 1234-567', true, 'A phone number with brackets, spaces and hyphens is accepted'),
    ('12345', true, 'A phone number of five characters is accepted'),
    ('1234', false, 'A phone number of four characters is refused'),
    ('1' || repeat('2', 30), true, 'A phone number of 31 characters is accepted'),
    ('1' || repeat('2', 31), false, 'A phone number of 32 characters is refused'),
    ('+1' || repeat('2', 30), true,
     'A phone number of 31 characters after a plus sign is accepted'),
    ('++123456', false, 'A phone number with two plus signs is refused'),
    ('call me', false, 'Words in the place of a phone number are refused'),
    (E'12345\n', false, 'A phone number with a line break is refused'),
    ('', false, 'An empty phone number is refused'),
    (null, true, 'A null phone number is accepted')) as v (phone, is_taken, sentence);

select is(pg_temp.is_taken('date_of_birth', v.day), v.is_taken, v.sentence)
from (values
    ('1870-01-01', true, 'A date of birth in 1870 is accepted'),
    ('1869-12-31', false, 'A date of birth before 1870 is refused'),
    ('2200-01-01', true, 'The table accepts a date of birth up to 1 January 2200'),
    ('2200-01-02', false, 'A date of birth after 1 January 2200 is refused'),
    ('infinity', false, 'The date of birth infinity is refused'),
    ('-infinity', false, 'The date of birth minus infinity is refused'),
    (null, true, 'A null date of birth is accepted')) as v (day, is_taken, sentence);

select is(pg_temp.is_taken('language', v.tag), v.is_taken, v.sentence)
from (values
    ('en', true, 'A language is accepted'),
    ('pt-BR', true, 'A language with a region is accepted'),
    ('zh-Hant-TW', true, 'A language with a script and a region is accepted'),
    ('es-419', true, 'A language with a region in digits is accepted'),
    ('English', false, 'The name of a language is refused'),
    ('pt_BR', false, 'A language tag with an underscore is refused'),
    (E'en\n', false, 'A language tag with a line break is refused'),
    ('', false, 'An empty language is refused'),
    (null, true, 'A null language is accepted')) as v (tag, is_taken, sentence);

select is(pg_temp.is_taken('time_zone', v.zone), v.is_taken, v.sentence)
from (values
    ('Europe/Lisbon', true, 'An IANA time zone is accepted'),
    ('Lisbon', false, 'A city in the place of a time zone is refused'),
    ('CET', false, 'An abbreviation in the place of a time zone is refused'),
    ('', false, 'An empty time zone is refused'),
    (null, true, 'A null time zone is accepted')) as v (zone, is_taken, sentence);

select is(
    pg_temp.is_taken('full_name', repeat('n', 201)), false, 'A name of 201 characters is refused');
select is(pg_temp.is_taken('full_name', ' '), false, 'A name of spaces only is refused');
select throws_ok(
    format('update app.profiles set full_name = null where user_id = %L', :'patient'),
    '23502', null, 'A null name is refused');
select throws_ok(
    format($$ insert into app.profiles (user_id, full_name) values (%L, 'Another') $$, :'patient'),
    '23505', null, 'A second profile of the same user is refused');
select throws_ok(
    $$ insert into app.profiles (user_id, full_name) values (gen_random_uuid(), 'Nobody') $$,
    '23503', null, 'A profile of a user who does not exist is refused');

select throws_ok(
    format(
        'update app.profiles set user_id = %L where user_id = %L',
        pg_temp.id_of('other_patient'), :'patient'),
    'TM912', null, 'A profile cannot move to another user');
select throws_ok(
    format('delete from app.profiles where user_id = %L', :'patient'),
    'TM912', null, 'A profile cannot be deleted');
select throws_ok('truncate app.profiles', 'TM912', null, 'The profiles cannot be truncated');

select pg_temp.sign_in('patient');
update app.profiles set full_name = 'New Name' where user_id = :'patient';
select collect_tap(
    is(l.row_id, :'patient', 'The audit log has a change of a profile under the id of its user'),
    is(l.old ->> 'full_name', 'Patient patient', 'The audit log has the old name'),
    is(l.new ->> 'full_name', 'New Name', 'The audit log has the new name'))
from app.audit_logs as l where l.table_name = 'profiles' order by l.id desc limit 1;
select is(l.new ->> 'full_name', 'Patient patient', 'The audit log has a new profile')
from app.audit_logs as l
where l.table_name = 'profiles' and l.row_id = :'patient' and l.operation = 'INSERT';

select * from finish();
rollback;
