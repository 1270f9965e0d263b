-- Verify telemed:scheduling/instant_of on pg

begin;

select 'app.instant_of(timestamp, text)'::regprocedure;

rollback;
