-- Verify telemed:foundation/refuse_to_lose_rows on pg

begin;

select 'app.refuse_to_lose_rows(text,text,text[])'::regprocedure;

rollback;
