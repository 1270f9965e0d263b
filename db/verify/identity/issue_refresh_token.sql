-- Verify telemed:identity/issue_refresh_token on pg

begin;

select 'app.issue_refresh_token(uuid)'::regprocedure;

rollback;
