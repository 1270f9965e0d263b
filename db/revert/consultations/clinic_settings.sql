-- Revert telemed:consultations/clinic_settings from pg

begin;

drop function app.completable_from(timestamptz);
drop table app.clinic_settings;

commit;
