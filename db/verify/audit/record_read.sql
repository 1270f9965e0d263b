-- Verify telemed:audit/record_read on pg

begin;

select 'app.record_read(text, uuid[])'::regprocedure;

rollback;
