-- Verify telemed:foundation/require_version on pg

begin;

select 'app.require_version(text[], anyelement)'::regprocedure;

rollback;
