-- Verify telemed:consultations/clinic_settings on pg

begin;

select only_row, completion_lead, verified_email_required, video_lead, video_grace
from app.clinic_settings where false;
select 'app.completable_from(timestamptz)'::regprocedure;

rollback;
