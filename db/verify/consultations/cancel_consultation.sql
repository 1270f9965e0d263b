-- Verify telemed:consultations/cancel_consultation on pg

begin;

select 'api.cancel_consultation(uuid, text, text)'::regprocedure;
select 1 / has_function_privilege(
    'telemed_api', 'api.cancel_consultation(uuid, text, text)', 'execute')::integer;
select 1 / has_function_privilege(
    'telemed_dba', 'api.cancel_consultation(uuid, text, text)', 'execute')::integer;

rollback;
