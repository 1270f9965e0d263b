-- Verify telemed:foundation/are_different on pg

begin;

select 'app.are_different(text[])'::regprocedure;

rollback;
