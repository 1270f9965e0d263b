begin;
\ir ../helpers/actors.psql
select plan(4);

select pg_temp.sign_in('patient');
select is((api.my_mfa_secret()).secret, null,
    'my_mfa_secret: a user who has enrolled no second factor gets null');
select api.enrol_mfa('a secret') \g /dev/null
select is((api.my_mfa_secret()).secret, 'a secret',
    'my_mfa_secret: a user gets the encrypted secret that they have enrolled');
select pg_temp.sign_in('admin');
select is((api.my_mfa_secret()).secret, null,
    'my_mfa_secret: an admin does not get the secret of another user');
select pg_temp.sign_in('nobody');
select throws_ok('select api.my_mfa_secret()', 'TM101', null,
    'my_mfa_secret: a caller who is not logged in is refused');

select * from finish();
rollback;
