-- Verify telemed:identity/refresh_session on pg

begin;

select 'api.refresh_session(text)'::regprocedure;
select 1 / has_function_privilege(
    'telemed_api', 'api.refresh_session(text)', 'execute')::integer;
select 1 / has_function_privilege(
    'telemed_dba', 'api.refresh_session(text)', 'execute')::integer;
select 'app.rotate_refresh_token(text)'::regprocedure;

rollback;
