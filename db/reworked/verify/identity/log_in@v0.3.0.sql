-- Verify telemed:identity/log_in on pg

begin;

select 'api.log_in(text, text, bigint, text, text)'::regprocedure;
select 1 / has_function_privilege(
    'telemed_api', 'api.log_in(text, text, bigint, text, text)', 'execute')::integer;
select 1 / has_function_privilege(
    'telemed_dba', 'api.log_in(text, text, bigint, text, text)', 'execute')::integer;

rollback;
