-- Verify telemed:consultations/consultation_digest on pg

begin;

select 'app.consultation_digest(app.consultations)'::regprocedure;

rollback;
