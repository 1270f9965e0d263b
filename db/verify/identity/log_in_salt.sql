-- Verify telemed:identity/log_in_salt on pg

begin;

select 'api.log_in_salt(text, integer, text)'::regprocedure;
select 1 / has_function_privilege(
    'telemed_api', 'api.log_in_salt(text, integer, text)', 'execute')::integer;
select 1 / has_function_privilege(
    'telemed_dba', 'api.log_in_salt(text, integer, text)', 'execute')::integer;
select 'app.invented_setting(text, integer)'::regprocedure;

rollback;
