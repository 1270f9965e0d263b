-- Verify telemed:identity/issue_refresh_token on pg

begin;

select 'app.issue_refresh_token(uuid, text)'::regprocedure;
select 'app.first_refresh_token()'::regprocedure;
select 'app.next_refresh_token(text)'::regprocedure;

rollback;
