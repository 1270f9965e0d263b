-- Verify telemed:identity/lock_account on pg

begin;

select 'app.lock_account(uuid)'::regprocedure;

rollback;
