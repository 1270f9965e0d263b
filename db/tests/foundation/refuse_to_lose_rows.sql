begin;
\ir ../helpers/actors.psql
select plan(16);

-- The owner deploys and reverts, and row-level security is forced on the owner.
reset role;
select pg_temp.sign_in('nobody');
create view pg_temp.forced as
select c.relname, c.relforcerowsecurity
from pg_class as c where c.relnamespace = 'app'::regnamespace and c.relkind in ('r', 'p');
create temp table forced_before on commit drop as select * from pg_temp.forced;
grant select on forced_before, pg_temp.forced to telemed_owner;

set local role telemed_owner;
select is(
    (select count(*) from app.users), 0::bigint,
    'refuse_to_lose_rows: row-level security hides the rows of app.users from the owner');
select throws_ok(
    $$ select app.refuse_to_lose_rows('users') $$, 'TM930',
    'app.users has rows, which this revert would drop',
    'refuse_to_lose_rows: a table with rows that its owner does not see is refused');
select throws_ok(
    $$ select app.refuse_to_lose_rows('audit_logs') $$, 'TM930', null,
    'refuse_to_lose_rows: a table whose rows are in partitions is refused');
select throws_ok(
    $$ select app.refuse_to_lose_rows('doctors') $$, 'TM930', null,
    'refuse_to_lose_rows: a table with rows and without row-level security is refused');
select lives_ok(
    $$ select app.refuse_to_lose_rows('consultations') $$,
    'refuse_to_lose_rows: a table without rows is accepted');
select lives_ok(
    $$ select app.refuse_to_lose_rows('doctors', 'specialty', '{Cardiology,Dermatology}') $$,
    'refuse_to_lose_rows: rows with a value of p_except do not count');
select throws_ok(
    $$ select app.refuse_to_lose_rows('doctors', 'specialty', '{Cardiology}') $$,
    'TM930', null, 'refuse_to_lose_rows: one row with another value is refused');
select lives_ok(
    $$ select app.refuse_to_lose_rows('doctors', 'deactivated_at') $$,
    'refuse_to_lose_rows: a column with only null values is accepted');
select throws_ok(
    $$ select app.refuse_to_lose_rows('doctors', 'time_zone') $$, 'TM930', null,
    'refuse_to_lose_rows: a column with a value is refused');
select throws_ok(
    $$ select app.refuse_to_lose_rows('nothing') $$, '42P01', null,
    'refuse_to_lose_rows: a table that does not exist is an error');
select results_eq(
    'select * from pg_temp.forced order by relname',
    'select * from forced_before order by relname',
    'refuse_to_lose_rows: row-level security is afterwards as it was before');
select ok(
    exists (
        select from pg_locks as l
        where l.relation = 'app.consultations'::regclass and l.pid = pg_backend_pid()
          and l.mode = 'AccessExclusiveLock' and l.granted),
    'refuse_to_lose_rows: the table stays locked until the end of the transaction');

set local app.revert_data = 'no';
select throws_ok(
    $$ select app.refuse_to_lose_rows('users') $$, 'TM930', null,
    'refuse_to_lose_rows: the setting app.revert_data = no does not allow the loss');
set local app.revert_data = 'yes';
select lives_ok(
    $$ select app.refuse_to_lose_rows('users') $$,
    'refuse_to_lose_rows: the setting app.revert_data = yes allows the loss');

set local app.revert_data = '';
set local role telemed_dba;
select throws_ok(
    $$ select app.refuse_to_lose_rows('users') $$, '42501', null,
    'refuse_to_lose_rows: a DBA cannot call it');
reset role;
set local role telemed_api;
select throws_ok(
    $$ select app.refuse_to_lose_rows('users') $$, '42501', null,
    'refuse_to_lose_rows: the REST API cannot call it');

select * from finish();
rollback;
