-- Verify telemed:identity/require_role on pg

begin;

select 'app.require_role(text[])'::regprocedure;

rollback;
