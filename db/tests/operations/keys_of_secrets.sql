begin;
\ir ../helpers/actors.psql
select plan(3);
reset role;

set local role telemed_dba;
select is_empty('select * from ops.keys_of_secrets()',
    'keys_of_secrets: accounts without a second factor have no secret');
reset role;
set local session_replication_role = replica;
update app.users set mfa_secret = convert_to(repeat('a', 16) || '.one', 'UTF8')
where id in (pg_temp.id_of('patient'), pg_temp.id_of('doctor'));
update app.users set mfa_secret = '\xff00' where id = pg_temp.id_of('other_patient');
update app.users set mfa_secret = convert_to(repeat('A', 16) || '.two', 'UTF8')
where id = pg_temp.id_of('other_doctor');
insert into app.webhook_endpoints (url, secret, previous_secret, previous_ends_at)
values
    ('https://one.test', convert_to(repeat('a', 16) || '.three', 'UTF8'),
     convert_to(repeat('0', 16) || '.four', 'UTF8'), now()),
    ('https://two.test', convert_to(repeat('a', 16) || '.five', 'UTF8'), null, null);
set local session_replication_role = origin;
set local role telemed_dba;
select results_eq(
    'select kind, key_id, secrets from ops.keys_of_secrets()',
    $$ values
        ('second_factor', repeat('a', 16), 2::bigint), ('second_factor', null, 2),
        ('webhook', repeat('0', 16), 1), ('webhook', repeat('a', 16), 2) $$,
    'keys_of_secrets: every secret is counted under the id before its full stop');
set local role telemed_api;
select throws_ok('select ops.keys_of_secrets()', '42501', null,
    'keys_of_secrets: the REST API cannot call it');

select * from finish();
rollback;
