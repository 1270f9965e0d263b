-- Verify telemed:consultations/complete_consultation on pg

begin;

select 'api.complete_consultation(uuid, text, text)'::regprocedure;
select 1 / has_function_privilege(
    'telemed_api', 'api.complete_consultation(uuid, text, text)', 'execute')::integer;
select 1 / has_function_privilege(
    'telemed_dba', 'api.complete_consultation(uuid, text, text)', 'execute')::integer;

rollback;
