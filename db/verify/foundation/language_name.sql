-- Verify telemed:foundation/language_name on pg

begin;

select 'app.language_name(text)'::regprocedure;

rollback;
