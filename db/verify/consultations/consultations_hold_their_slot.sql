-- Verify telemed:consultations/consultations_hold_their_slot on pg

begin;

select 'app.consultations_have_the_doctor_and_time_of_their_slot()'::regprocedure;
select 1 / count(*) from pg_catalog.pg_trigger
where tgname = 'consultations_have_the_doctor_and_time_of_their_slot' and tgrelid = 'app.consultations'::regclass;
select 'app.consultations_hold_their_slot()'::regprocedure;
select 1 / count(*) from pg_catalog.pg_trigger
where tgname = 'consultations_hold_their_slot' and tgrelid = 'app.consultations'::regclass;

rollback;
