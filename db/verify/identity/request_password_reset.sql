-- Verify telemed:identity/request_password_reset on pg

begin;

select 'api.request_password_reset(text, text)'::regprocedure;
select 1 / has_function_privilege(
    'telemed_api', 'api.request_password_reset(text, text)', 'execute')::integer;
select 1 / has_function_privilege(
    'telemed_dba', 'api.request_password_reset(text, text)', 'execute')::integer;
select 'app.make_password_reset(app.users, text)'::regprocedure;

rollback;
