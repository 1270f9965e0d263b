-- Verify telemed:consultations/consultation_history on pg

begin;

select null::api.consultation_events;
select 'api.consultation_history(uuid, text, integer, text)'::regprocedure;
select 1 / has_function_privilege(
    'telemed_api', 'api.consultation_history(uuid, text, integer, text)', 'execute')::integer;
select 1 / has_function_privilege(
    'telemed_dba', 'api.consultation_history(uuid, text, integer, text)', 'execute')::integer;

rollback;
