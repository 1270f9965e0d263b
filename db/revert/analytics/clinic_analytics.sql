-- Revert telemed:analytics/clinic_analytics from pg

begin;

drop function api.clinic_analytics(timestamptz, timestamptz, text, text);
drop function app.activity_by_doctor(timestamptz, timestamptz);
drop function app.activity_by_period(timestamptz, timestamptz, text, text);
drop type api.clinic_metrics;
drop type api.doctor_metrics;
drop type api.specialty_metrics;
drop type api.period_metrics;
drop type api.figures;
drop type api.revenue;

commit;
