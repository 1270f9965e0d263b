-- Verify telemed:foundation/clock on pg

begin;

select 'app.clock()'::regprocedure;

rollback;
