-- Verify telemed:foundation/is_readable on pg

begin;

select 'app.is_readable(text)'::regprocedure;

rollback;
