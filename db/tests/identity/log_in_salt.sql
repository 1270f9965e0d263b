begin;
\ir ../helpers/actors.psql
select plan(24);
reset role;
update app.log_in_limits set free_attempts = 100000;
update app.users set password_hash = '$2b$12$abcdefghijklmnopqrstuO' || repeat('z', 31)
where id = pg_temp.id_of('patient');
set local role telemed_api;
select pg_temp.sign_in('nobody');

-- Existing accounts
select is(
    api.log_in_salt('patient@clinic.test', 4), '$2b$12$abcdefghijklmnopqrstuO',
    'log_in_salt: an account gets the bcrypt setting of its hash');
select is(
    api.log_in_salt('Patient@CLINIC.test', 31), '$2b$12$abcdefghijklmnopqrstuO',
    'log_in_salt: an account gets its own cost, not the given one');
reset role;
update app.users set deactivated_at = app.clock() where id = pg_temp.id_of('patient');
set local role telemed_api;
select is(
    api.log_in_salt('patient@clinic.test', 4), '$2b$12$abcdefghijklmnopqrstuO',
    'log_in_salt: a deactivated account gets the setting of its hash');

-- Unknown accounts
select matches(
    api.log_in_salt('nobody@clinic.test', 12), '^\$2b\$12\$[./A-Za-z0-9]{21}[.Oeu]$',
    'log_in_salt: an unknown e-mail address gets a setting that bcrypt accepts');
select is(
    api.log_in_salt('nobody@clinic.test', 12), api.log_in_salt('nobody@clinic.test', 12),
    'log_in_salt: an unknown e-mail address gets the same setting each time');
select is(
    api.log_in_salt('Nobody@Clinic.test', 12), api.log_in_salt('nobody@clinic.test', 12),
    'log_in_salt: the case of an unknown e-mail address does not matter');
select is(
    api.log_in_salt(normalize('nobodÝ@clinic.test', nfd), 12),
    api.log_in_salt('nobodý@clinic.test', 12),
    'log_in_salt: the composition of the accents of an unknown address does not matter');
select isnt(
    api.log_in_salt('nobody@clinic.test', 12), api.log_in_salt('somebody@clinic.test', 12),
    'log_in_salt: two unknown e-mail addresses get different settings');
select is(
    right(api.log_in_salt('nobody@clinic.test', 4), 22),
    right(api.log_in_salt('nobody@clinic.test', 31), 22),
    'log_in_salt: the given cost does not change an invented salt');
select is(
    (select count(distinct api.log_in_salt(n || '@clinic.test', 4)) from generate_series(1,
     500) as n),
    500::bigint, 'log_in_salt: the invented salts of 500 e-mail addresses differ');
select is_empty(
    $$
    select n from generate_series(1, 500) as n
    where api.log_in_salt(n || '@clinic.test', 4) !~ '^\$2b\$04\$[./A-Za-z0-9]{21}[.Oeu]$'
    $$,
    'log_in_salt: the invented settings of 500 e-mail addresses are all valid for bcrypt');
select matches(
    api.log_in_salt(v.email, 4), '^\$2b\$04\$[./A-Za-z0-9]{22}$', v.sentence)
from (values
    (null, 'log_in_salt: a null e-mail address gets a setting'),
    ('', 'log_in_salt: an empty e-mail address gets a setting'),
    (repeat('ü', 100000), 'log_in_salt: an e-mail address of 100,000 characters gets a setting'),
    ('not an address',
     'log_in_salt: a text that is no e-mail address gets a setting')) as v (email, sentence);
select is(left(api.log_in_salt('nobody@clinic.test', 31), 7), '$2b$31$',
    'log_in_salt: a cost of 31 is accepted');
select is(left(api.log_in_salt('nobody@clinic.test', 4), 7), '$2b$04$',
    'log_in_salt: a cost of 4 is accepted');

select api.log_in_salt('nobody@clinic.test', 12) as salt \gset
reset role;
update app.secrets set value = sha256('another key');
set local role telemed_api;
select isnt(
    api.log_in_salt('nobody@clinic.test', 12), :'salt',
    'log_in_salt: an invented salt depends on a secret key of the database');

-- Refusals
select throws_ok(
    $$ select api.log_in_salt('nobody@clinic.test', 3) $$, 'TM201', null,
    'log_in_salt: a cost of 3 is refused');
select throws_ok(
    $$ select api.log_in_salt('nobody@clinic.test', 32) $$, 'TM201', null,
    'log_in_salt: a cost of 32 is refused');
select throws_ok(
    $$ select api.log_in_salt('nobody@clinic.test', null) $$, 'TM201', null,
    'log_in_salt: a null cost is refused');
select throws_ok(
    $$ select api.log_in_salt('patient@clinic.test', 3) $$, 'TM201', null,
    'log_in_salt: a cost of 3 is refused for an existing account as well');

-- Each answer counts as an attempt to log in
reset role;
update app.log_in_limits set free_attempts = 2 where kind = 'both';
set local role telemed_api;
select lives_ok(
    $$ select api.log_in_salt('patient@clinic.test', 4, '192.0.2.1') from generate_series(1, 2) $$,
    'log_in_salt: attempts within the limit are answered');
select is(
    pg_temp.refusal('nobody', format(
        'select api.log_in_salt(%L, 4, %L)', 'patient@clinic.test', '192.0.2.1')), 'TM801',
    'log_in_salt: an attempt over the limit is refused');

select * from finish();
rollback;
