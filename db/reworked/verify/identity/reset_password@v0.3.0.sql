-- Verify telemed:identity/reset_password on pg

begin;

select 'api.reset_password(text, text)'::regprocedure;
select 1 / has_function_privilege(
    'telemed_api', 'api.reset_password(text, text)', 'execute')::integer;
select 1 / has_function_privilege(
    'telemed_dba', 'api.reset_password(text, text)', 'execute')::integer;
select 'app.spend_password_reset(text, text)'::regprocedure;

rollback;
