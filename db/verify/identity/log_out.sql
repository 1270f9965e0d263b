-- Verify telemed:identity/log_out on pg

begin;

select 'api.log_out(uuid, text)'::regprocedure;
select 1 / has_function_privilege(
    'telemed_api', 'api.log_out(uuid, text)', 'execute')::integer;
select 1 / has_function_privilege(
    'telemed_dba', 'api.log_out(uuid, text)', 'execute')::integer;
select 'app.end_session_of_token(text)'::regprocedure;

rollback;
