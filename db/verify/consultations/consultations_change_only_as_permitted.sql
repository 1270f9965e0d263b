-- Verify telemed:consultations/consultations_change_only_as_permitted on pg

begin;

select 'app.consultations_change_only_as_permitted()'::regprocedure;
select 1 / count(*) from pg_catalog.pg_trigger
where tgname = 'consultations_change_only_as_permitted' and tgrelid = 'app.consultations'::regclass;
select 1 / count(*) from pg_catalog.pg_trigger
where tgname = 'consultations_are_never_deleted' and tgrelid = 'app.consultations'::regclass;
select 1 / count(*) from pg_catalog.pg_trigger
where tgname = 'consultations_are_never_truncated' and tgrelid = 'app.consultations'::regclass;
select 1 / count(*) from pg_catalog.pg_trigger
where tgname = 'consultations_are_audited' and tgrelid = 'app.consultations'::regclass;

rollback;
