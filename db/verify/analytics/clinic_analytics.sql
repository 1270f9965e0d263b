-- Verify telemed:analytics/clinic_analytics on pg

begin;

select null::api.revenue;
select null::api.daily_metrics;
select null::api.clinic_metrics;
select 'api.clinic_analytics(timestamptz, timestamptz)'::regprocedure;
select 1 / has_function_privilege(
    'telemed_api', 'api.clinic_analytics(timestamptz, timestamptz)', 'execute')::integer;
select 1 / has_function_privilege(
    'telemed_dba', 'api.clinic_analytics(timestamptz, timestamptz)', 'execute')::integer;

rollback;
