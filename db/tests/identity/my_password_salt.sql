begin;
\ir ../helpers/actors.psql
select plan(5);
reset role;
update app.users set password_hash = '$2b$12$abcdefghijklmnopqrstuO' || repeat('z', 31)
where id = pg_temp.id_of('patient');
set local role telemed_api;

select pg_temp.sign_in('patient');
select is(
    api.my_password_salt(), '$2b$12$abcdefghijklmnopqrstuO',
    'a patient has the setting of their own hash, without the hash');
select pg_temp.sign_in('doctor');
select is(
    api.my_password_salt(), '$2b$04$' || repeat('a', 22), 'a doctor has that of the doctor''s');
select pg_temp.sign_in('admin');
select is(
    api.my_password_salt(), '$2b$04$' || repeat('a', 22), 'an admin sees no more than their own');

-- Who may not
select is(
    pg_temp.refusal('nobody', 'select api.my_password_salt()'), 'TM101',
    'nobody has one without signing in');
reset role;
update app.users set deactivated_at = app.clock() where id = pg_temp.id_of('patient');
set local role telemed_api;
select is(
    pg_temp.refusal('patient', 'select api.my_password_salt()'), 'TM102',
    'who is deactivated has none any more');

select * from finish();
rollback;
