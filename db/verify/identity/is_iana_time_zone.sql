-- Verify telemed:identity/is_iana_time_zone on pg

begin;

select 'app.is_iana_time_zone(text)'::regprocedure;

rollback;
