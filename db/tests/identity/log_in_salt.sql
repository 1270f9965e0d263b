begin;
\ir ../helpers/actors.psql
select plan(24);
reset role;
update app.log_in_limits set free_attempts = 100000;
update app.users set password_hash = '$2b$12$abcdefghijklmnopqrstuO' || repeat('z', 31)
where id = pg_temp.id_of('patient');
set local role telemed_api;
select pg_temp.sign_in('nobody');

-- Accounts
select is(
    api.log_in_salt('patient@clinic.test', 4), '$2b$12$abcdefghijklmnopqrstuO',
    'an account has the setting of its hash');
select is(
    api.log_in_salt('Patient@CLINIC.test', 31), '$2b$12$abcdefghijklmnopqrstuO',
    'however its address is written, whatever the cost asked for');
reset role;
update app.users set deactivated_at = app.clock() where id = pg_temp.id_of('patient');
set local role telemed_api;
select is(
    api.log_in_salt('patient@clinic.test', 4), '$2b$12$abcdefghijklmnopqrstuO',
    'a deactivated account answers as before');

-- No account
select matches(
    api.log_in_salt('nobody@clinic.test', 12), '^\$2b\$12\$[./A-Za-z0-9]{21}[.Oeu]$',
    'an unknown address has a setting that bcrypt can use');
select is(
    api.log_in_salt('nobody@clinic.test', 12), api.log_in_salt('nobody@clinic.test', 12),
    'the same each time');
select is(
    api.log_in_salt('Nobody@Clinic.test', 12), api.log_in_salt('nobody@clinic.test', 12),
    'however it is written');
select is(
    api.log_in_salt(normalize('nobodÝ@clinic.test', nfd), 12),
    api.log_in_salt('nobodý@clinic.test', 12), 'with every composition of its accents');
select isnt(
    api.log_in_salt('nobody@clinic.test', 12), api.log_in_salt('somebody@clinic.test', 12),
    'another address has another one');
select is(
    right(api.log_in_salt('nobody@clinic.test', 4), 22),
    right(api.log_in_salt('nobody@clinic.test', 31), 22), 'the cost changes nothing but the cost');
select is(
    (select count(distinct api.log_in_salt(n || '@clinic.test', 4)) from generate_series(1,
     500) as n),
    500::bigint, 'no two of them are equal');
select is_empty(
    $$
    select n from generate_series(1, 500) as n
    where api.log_in_salt(n || '@clinic.test', 4) !~ '^\$2b\$04\$[./A-Za-z0-9]{21}[.Oeu]$'
    $$,
    'each of them is one that bcrypt can use');
select matches(
    api.log_in_salt(v.email, 4), '^\$2b\$04\$[./A-Za-z0-9]{22}$', v.sentence)
from (values
    (null, 'no address has a setting too'),
    ('', 'so has an empty one'),
    (repeat('ü', 100000), 'and a very long one'),
    ('not an address', 'and what is none')) as v (email, sentence);
select is(left(api.log_in_salt('nobody@clinic.test', 31), 7), '$2b$31$', 'the greatest cost is 31');
select is(left(api.log_in_salt('nobody@clinic.test', 4), 7), '$2b$04$', 'the least cost is 4');

select api.log_in_salt('nobody@clinic.test', 12) as salt \gset
reset role;
update app.secrets set value = sha256('another key');
set local role telemed_api;
select isnt(
    api.log_in_salt('nobody@clinic.test', 12), :'salt',
    'who does not know the key cannot foretell it');

-- Refusals
select throws_ok(
    $$ select api.log_in_salt('nobody@clinic.test', 3) $$, 'TM201', null, 'a cost of 3 is too low');
select throws_ok(
    $$ select api.log_in_salt('nobody@clinic.test', 32) $$, 'TM201', null,
    'a cost of 32 is too high');
select throws_ok(
    $$ select api.log_in_salt('nobody@clinic.test', null) $$, 'TM201', null, 'a cost is needed');
select throws_ok(
    $$ select api.log_in_salt('patient@clinic.test', 3) $$, 'TM201', null,
    'whether the account exists or not');

-- Every setting that is told is an attempt
reset role;
update app.log_in_limits set free_attempts = 2 where kind = 'both';
set local role telemed_api;
select lives_ok(
    $$ select api.log_in_salt('patient@clinic.test', 4, '192.0.2.1') from generate_series(1, 2) $$,
    'an attempt is counted');
select is(
    pg_temp.refusal('nobody', format(
        'select api.log_in_salt(%L, 4, %L)', 'patient@clinic.test', '192.0.2.1')), 'TM801',
    'when too many have failed the next one waits');

select * from finish();
rollback;
