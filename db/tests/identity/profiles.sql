begin;
\ir ../helpers/actors.psql
select plan(30);
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
    ('+49 (0)30 1234-567', true, 'a phone number may be written as people do'),
    ('12345', true, 'a phone number may have five signs'),
    ('1234', false, 'but not four'),
    ('1' || repeat('2', 30), true, 'a phone number may have 31 signs'),
    ('1' || repeat('2', 31), false, 'but not 32'),
    ('+1' || repeat('2', 30), true, 'a plus sign comes on top'),
    ('++123456', false, 'only one plus sign comes first'),
    ('call me', false, 'words are no phone number'),
    (E'12345\n', false, 'a phone number has no line break'),
    ('', false, 'an empty phone number is none'),
    (null, true, 'a phone number may be missing')) as v (phone, is_taken, sentence);

select is(pg_temp.is_taken('date_of_birth', v.day), v.is_taken, v.sentence)
from (values
    ('1870-01-01', true, 'a person may have been born in 1870'),
    ('1869-12-31', false, 'but not before'),
    ('2200-01-01', true, 'a date of birth may lie far ahead for the table'),
    ('2200-01-02', false, 'but not beyond the year 2200'),
    ('infinity', false, 'nobody is born at the end of time'),
    ('-infinity', false, 'nor before it'),
    (null, true, 'a date of birth may be missing')) as v (day, is_taken, sentence);

select is(
    pg_temp.is_taken('full_name', repeat('n', 201)), false, 'a name has at most 200 characters');
select is(pg_temp.is_taken('full_name', ' '), false, 'a name is not only spaces');
select throws_ok(
    format('update app.profiles set full_name = null where user_id = %L', :'patient'),
    '23502', null, 'everybody has a name');
select throws_ok(
    format($$ insert into app.profiles (user_id, full_name) values (%L, 'Another') $$, :'patient'),
    '23505', null, 'a user has one profile');
select throws_ok(
    $$ insert into app.profiles (user_id, full_name) values (gen_random_uuid(), 'Nobody') $$,
    '23503', null, 'a profile has a user');

select throws_ok(
    format(
        'update app.profiles set user_id = %L where user_id = %L',
        pg_temp.id_of('other_patient'), :'patient'),
    'TM912', null, 'a profile does not change its owner');
select throws_ok(
    format('delete from app.profiles where user_id = %L', :'patient'),
    'TM912', null, 'a profile is never deleted');
select throws_ok('truncate app.profiles', 'TM912', null, 'nor are all of them at once');

select pg_temp.sign_in('patient');
update app.profiles set full_name = 'New Name' where user_id = :'patient';
select collect_tap(
    is(l.row_id, :'patient', 'a change of a profile leaves a trace under its user'),
    is(l.old ->> 'full_name', 'Patient patient', 'with the old name'),
    is(l.new ->> 'full_name', 'New Name', 'and the new one'))
from app.audit_logs as l where l.table_name = 'profiles' order by l.id desc limit 1;
select is(l.new ->> 'full_name', 'Patient patient', 'so does a new profile')
from app.audit_logs as l
where l.table_name = 'profiles' and l.row_id = :'patient' and l.operation = 'INSERT';

select * from finish();
rollback;
