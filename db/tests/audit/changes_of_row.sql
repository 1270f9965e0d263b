begin;
\ir ../helpers/actors.psql
select plan(3);
reset role;

select pg_temp.sign_in('patient');
update app.profiles set phone = '+49 30 1234567' where user_id = pg_temp.id_of('patient');
select results_eq(
    format($$ select operation from app.changes_of_row('profiles', %L) $$, pg_temp.id_of('patient')),
    array['INSERT', 'UPDATE'], 'the trail of a row is read from its beginning');
set local role telemed_owner;
select isnt_empty(
    format($$ select id from app.changes_of_row('profiles', %L) $$, pg_temp.id_of('patient')),
    'also by functions whose caller does not see the whole trail');
select is_empty(
    $$ select id from app.changes_of_row('profiles', 'nothing') $$, 'of no row there is none');

select * from finish();
rollback;
