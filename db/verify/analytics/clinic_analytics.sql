-- Verify telemed:analytics/clinic_analytics on pg

begin;

select null::api.revenue;
select null::api.figures;
select null::api.period_metrics;
select null::api.specialty_metrics;
select null::api.doctor_metrics;
select null::api.clinic_metrics;
select 'app.activity_by_period(timestamptz, timestamptz, text, text)'::regprocedure;
select 'app.activity_by_doctor(timestamptz, timestamptz)'::regprocedure;
select 'api.clinic_analytics(timestamptz, timestamptz, text, text)'::regprocedure;
select 1 / has_function_privilege(
    'telemed_api', 'api.clinic_analytics(timestamptz, timestamptz, text, text)', 'execute')::integer;
select 1 / has_function_privilege(
    'telemed_dba', 'api.clinic_analytics(timestamptz, timestamptz, text, text)', 'execute')::integer;

rollback;
