begin;
\ir ../helpers/actors.psql
select plan(6);
reset role;

select is(
    (app.account_of_email('patient@clinic.test')).id, pg_temp.id_of('patient'),
    'an account is found by its address');
select is(
    (app.account_of_email('PATIENT@Clinic.test')).id, pg_temp.id_of('patient'),
    'however it is written');
update app.users set email = 'josé@clinic.test' where id = pg_temp.id_of('other_patient');
select is(
    (app.account_of_email(normalize('JOSÉ@clinic.test', nfd))).id, pg_temp.id_of('other_patient'),
    'also where accents are characters of their own');
select is((app.account_of_email('unknown@clinic.test')).id, null, 'an unknown one is not');
select is((app.account_of_email(null)).id, null, 'nor is a missing one');
set local role telemed_owner;
select is(
    (app.account_of_email('patient@clinic.test')).id, pg_temp.id_of('patient'),
    'whoever is calling: it is not known yet');

select * from finish();
rollback;
