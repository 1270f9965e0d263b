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
    'my_password_salt: a patient gets the bcrypt setting of their own hash, and not the hash');
select pg_temp.sign_in('doctor');
select is(
    api.my_password_salt(), '$2b$04$' || repeat('a', 22),
    'my_password_salt: a doctor gets the setting of their own hash');
select pg_temp.sign_in('admin');
select is(
    api.my_password_salt(), '$2b$04$' || repeat('a', 22),
    'my_password_salt: an admin gets the setting of their own hash');

-- Callers without the right
select is(
    pg_temp.refusal('nobody', 'select api.my_password_salt()'), 'TM101',
    'my_password_salt: a caller who is not logged in is refused');
reset role;
update app.users set deactivated_at = app.clock() where id = pg_temp.id_of('patient');
set local role telemed_api;
select is(
    pg_temp.refusal('patient', 'select api.my_password_salt()'), 'TM102',
    'my_password_salt: a deactivated user is refused');

select * from finish();
rollback;
