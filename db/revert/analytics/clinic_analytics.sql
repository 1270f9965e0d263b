-- Revert telemed:analytics/clinic_analytics from pg

begin;

drop function api.clinic_analytics(timestamptz, timestamptz);
drop type api.clinic_metrics;
drop type api.daily_metrics;
drop type api.revenue;

commit;
