-- Verify telemed:foundation/check_limit on pg

begin;

select 'app.check_limit(integer)'::regprocedure;

rollback;
