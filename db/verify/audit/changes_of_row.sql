-- Verify telemed:audit/changes_of_row on pg

begin;

select 'app.changes_of_row(text,text)'::regprocedure;

rollback;
