-- Verify telemed:consultations/get_consultation on pg

begin;

select 'api.get_consultation(uuid)'::regprocedure;
select 1 / has_function_privilege(
    'telemed_api', 'api.get_consultation(uuid)', 'execute')::integer;
select 1 / has_function_privilege(
    'telemed_dba', 'api.get_consultation(uuid)', 'execute')::integer;

rollback;
