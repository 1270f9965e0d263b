-- Verify telemed:foundation/require_clearable on pg

begin;

select 'app.require_clearable(text[], text[])'::regprocedure;

rollback;
