-- Verify telemed:audit/write_denial on pg

begin;

select 'app.write_denial(text, text, uuid)'::regprocedure;

rollback;
