-- Verify telemed:consultations/reschedule_consultation on pg

begin;

select 'api.reschedule_consultation(uuid, uuid, text)'::regprocedure;
select 1 / has_function_privilege(
    'telemed_api', 'api.reschedule_consultation(uuid, uuid, text)', 'execute')::integer;
select 1 / has_function_privilege(
    'telemed_dba', 'api.reschedule_consultation(uuid, uuid, text)', 'execute')::integer;

rollback;
