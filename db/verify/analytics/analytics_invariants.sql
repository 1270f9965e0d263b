-- Verify telemed:analytics/analytics_invariants on pg

begin;

select 'app.analytics_invariants(timestamptz)'::regprocedure;

rollback;
