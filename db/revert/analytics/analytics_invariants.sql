-- Revert telemed:analytics/analytics_invariants from pg

begin;

drop function app.analytics_invariants(timestamptz);

commit;
