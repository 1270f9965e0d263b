begin;
\ir ../helpers/actors.psql
select plan(6);
reset role;

select is(
    (app.account_of_email('patient@clinic.test')).id, pg_temp.id_of('patient'),
    'account_of_email: an account is found by its e-mail address');
select is(
    (app.account_of_email('PATIENT@Clinic.test')).id, pg_temp.id_of('patient'),
    'account_of_email: the case of the e-mail address does not matter');
update app.users set email = 'josé@clinic.test' where id = pg_temp.id_of('other_patient');
select is(
    (app.account_of_email(normalize('JOSÉ@clinic.test', nfd))).id, pg_temp.id_of('other_patient'),
    'account_of_email: the composition of accented letters does not matter');
select is((app.account_of_email('unknown@clinic.test')).id, null,
    'account_of_email: an unknown e-mail address finds no account');
select is((app.account_of_email(null)).id, null, 'account_of_email: null finds no account');
set local role telemed_owner;
select is(
    (app.account_of_email('patient@clinic.test')).id, pg_temp.id_of('patient'),
    'account_of_email: a function of the owner finds the account although no actor is verified');

select * from finish();
rollback;
