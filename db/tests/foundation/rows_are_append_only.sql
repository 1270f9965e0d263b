begin;
select plan(6);

create temp table diary (id integer primary key, note text) on commit drop;
create trigger diary_is_append_only
before update or delete on diary
for each row execute function app.rows_are_append_only();
create trigger diary_is_never_truncated
before truncate on diary
for each statement execute function app.rows_are_append_only();

select lives_ok($$ insert into diary values (1, 'first') $$, 'a row is added');
select throws_ok(
    $$ update diary set note = 'changed' $$,
    'TM912', 'UPDATE of diary is not allowed: its rows are kept as they were written',
    'a row is not changed');
select throws_ok(
    'delete from diary',
    'TM912', 'DELETE of diary is not allowed: its rows are kept as they were written',
    'a row is not deleted');
select throws_ok(
    'truncate diary',
    'TM912', 'TRUNCATE of diary is not allowed: its rows are kept as they were written',
    'nor are all of them at once');
select throws_ok(
    $$ insert into diary values (1, 'again') on conflict (id) do update set note = excluded.note $$,
    'TM912', null, 'an insert that would change a row is refused too');
select is((select note from diary), 'first', 'the row is as it was written');

select * from finish();
rollback;
