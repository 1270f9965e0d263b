-- Verify telemed:foundation/is_ascending on pg

begin;

select 'app.is_ascending(text, text)'::regprocedure;

rollback;
