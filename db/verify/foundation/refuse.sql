-- Verify telemed:foundation/refuse on pg

begin;

select 'app.refuse(text, text, jsonb)'::regprocedure;

rollback;
