-- Verify telemed:identity/require_time_zone on pg

begin;

select 'app.require_time_zone(text)'::regprocedure;

rollback;
