-- Verify telemed:audit/record_change on pg

begin;

select 'app.record_change()'::regprocedure;

rollback;
