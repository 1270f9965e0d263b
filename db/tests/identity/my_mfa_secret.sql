begin;
\ir ../helpers/actors.psql
select plan(4);

select pg_temp.sign_in('patient');
select is((api.my_mfa_secret()).secret, null, 'at first there is none');
select api.enrol_mfa('a secret') \g /dev/null
select is((api.my_mfa_secret()).secret, 'a secret', 'an enrolled one is read by its user');
select pg_temp.sign_in('admin');
select is((api.my_mfa_secret()).secret, null, 'not by an admin, who has one of their own');
select pg_temp.sign_in('nobody');
select throws_ok('select api.my_mfa_secret()', 'TM101', null, 'nor by a stranger');

select * from finish();
rollback;
