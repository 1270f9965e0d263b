-- Verify telemed:identity/list_sessions on pg

begin;

select 'api.list_sessions(text, integer, text)'::regprocedure;
select 1 / has_function_privilege(
    'telemed_api', 'api.list_sessions(text, integer, text)', 'execute')::integer;
select 1 / has_function_privilege(
    'telemed_dba', 'api.list_sessions(text, integer, text)', 'execute')::integer;
select 'app.session_last_used_at(uuid)'::regprocedure;

rollback;
