begin;
select plan(6);

create temp table diary (id integer primary key, note text) on commit drop;
create trigger diary_is_append_only
before update or delete on diary
for each row execute function app.rows_are_append_only();
create trigger diary_is_never_truncated
before truncate on diary
for each statement execute function app.rows_are_append_only();

select lives_ok($$ insert into diary values (1, 'first') $$,
    'rows_are_append_only: an insert is accepted');
select throws_ok(
    $$ update diary set note = 'changed' $$,
    'TM912', 'UPDATE of diary is not allowed: its rows are kept as they were written',
    'rows_are_append_only: an update is refused');
select throws_ok(
    'delete from diary',
    'TM912', 'DELETE of diary is not allowed: its rows are kept as they were written',
    'rows_are_append_only: a delete is refused');
select throws_ok(
    'truncate diary',
    'TM912', 'TRUNCATE of diary is not allowed: its rows are kept as they were written',
    'rows_are_append_only: a truncate is refused');
select throws_ok(
    $$ insert into diary values (1, 'again') on conflict (id) do update set note = excluded.note $$,
    'TM912', null, 'rows_are_append_only: an insert that turns into an update is refused');
select is((select note from diary), 'first',
    'rows_are_append_only: the row is afterwards as it was written');

select * from finish();
rollback;
