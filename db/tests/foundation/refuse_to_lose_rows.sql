begin;
\ir ../helpers/actors.psql
select plan(16);

-- As whoever deploys and reverts: row-level security is forced on the owner.
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
    'the owner of a table does not see its rows');
select throws_ok(
    $$ select app.refuse_to_lose_rows('users') $$, 'TM930',
    'app.users has rows, which this revert would drop',
    'a table with rows that its owner does not see is not dropped');
select throws_ok(
    $$ select app.refuse_to_lose_rows('audit_logs') $$, 'TM930', null,
    'nor is a table whose rows are in partitions');
select throws_ok(
    $$ select app.refuse_to_lose_rows('doctors') $$, 'TM930', null,
    'nor is a table that everybody may read');
select lives_ok(
    $$ select app.refuse_to_lose_rows('consultations') $$, 'a table without rows is dropped');
select lives_ok(
    $$ select app.refuse_to_lose_rows('doctors', 'specialty', '{Cardiology,Dermatology}') $$,
    'rows with one of the values that are left out do not count');
select throws_ok(
    $$ select app.refuse_to_lose_rows('doctors', 'specialty', '{Cardiology}') $$,
    'TM930', null, 'one row that counts is enough');
select lives_ok(
    $$ select app.refuse_to_lose_rows('doctors', 'deactivated_at') $$,
    'a column in which nothing stands is dropped');
select throws_ok(
    $$ select app.refuse_to_lose_rows('doctors', 'time_zone') $$, 'TM930', null,
    'a column in which something stands is not');
select throws_ok(
    $$ select app.refuse_to_lose_rows('nothing') $$, '42P01', null,
    'a table that does not exist is an error');
select results_eq(
    'select * from pg_temp.forced order by relname',
    'select * from forced_before order by relname',
    'the look leaves row-level security as it was');
select ok(
    exists (
        select from pg_locks as l
        where l.relation = 'app.consultations'::regclass and l.pid = pg_backend_pid()
          and l.mode = 'AccessExclusiveLock' and l.granted),
    'nobody writes between the look and the drop');

set local app.revert_data = 'no';
select throws_ok(
    $$ select app.refuse_to_lose_rows('users') $$, 'TM930', null,
    'another answer than yes is a refusal');
set local app.revert_data = 'yes';
select lives_ok(
    $$ select app.refuse_to_lose_rows('users') $$, 'a table with rows is dropped when told so');

set local app.revert_data = '';
set local role telemed_dba;
select throws_ok(
    $$ select app.refuse_to_lose_rows('users') $$, '42501', null,
    'database administrators have no use for it');
reset role;
set local role telemed_api;
select throws_ok(
    $$ select app.refuse_to_lose_rows('users') $$, '42501', null, 'nor has the REST API');

select * from finish();
rollback;
