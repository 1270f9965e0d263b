-- Verify telemed:identity/end_session on pg

begin;

select 'api.end_session(uuid)'::regprocedure;
select 1 / has_function_privilege(
    'telemed_api', 'api.end_session(uuid)', 'execute')::integer;
select 1 / has_function_privilege(
    'telemed_dba', 'api.end_session(uuid)', 'execute')::integer;

rollback;
