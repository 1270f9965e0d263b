begin;
\ir ../helpers/actors.psql
select plan(3);
reset role;

select pg_temp.sign_in('patient');
update app.profiles set phone = '+49 30 1234567' where user_id = pg_temp.id_of('patient');
select results_eq(
    format($$ select operation from app.changes_of_row('profiles', %L) $$, pg_temp.id_of('patient')),
    array['INSERT', 'UPDATE'],
    'changes_of_row: the changes of a row come in the order in which they were made');
set local role telemed_owner;
select isnt_empty(
    format($$ select id from app.changes_of_row('profiles', %L) $$, pg_temp.id_of('patient')),
    'changes_of_row: a function that cannot see the whole audit log gets the changes of one row');
select is_empty(
    $$ select id from app.changes_of_row('profiles', 'nothing') $$,
    'changes_of_row: an unknown row has no changes');

select * from finish();
rollback;
