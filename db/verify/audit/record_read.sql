-- Verify telemed:audit/record_read on pg

begin;

select 'app.record_read(app.actor, text, uuid[])'::regprocedure;

rollback;
