-- Verify telemed:foundation/require_fresh_snapshot on pg

begin;

select 'app.require_fresh_snapshot()'::regprocedure;

rollback;
