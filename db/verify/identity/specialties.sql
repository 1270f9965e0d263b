-- Verify telemed:identity/specialties on pg

begin;

select code, name from app.specialties where false;
select 'app.specialty_code(text)'::regprocedure;
select 1 / count(*) from pg_catalog.pg_trigger
where tgname = 'specialties_are_audited' and tgrelid = 'app.specialties'::regclass;
select 1 / count(*) from pg_catalog.pg_trigger
where tgname = 'specialties_are_append_only' and tgrelid = 'app.specialties'::regclass;
select 1 / count(*) from pg_catalog.pg_trigger
where tgname = 'specialties_are_never_truncated' and tgrelid = 'app.specialties'::regclass;

rollback;
