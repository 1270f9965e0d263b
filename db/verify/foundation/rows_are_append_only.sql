-- Verify telemed:foundation/rows_are_append_only on pg

begin;

select 'app.rows_are_append_only()'::regprocedure;

rollback;
