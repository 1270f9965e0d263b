-- Verify telemed:consultations/list_consultations on pg

begin;

select 'api.list_consultations(
    text, timestamptz, timestamptz, uuid, uuid, text, integer, text)'::regprocedure;
select 1 / has_function_privilege(
    'telemed_api', 'api.list_consultations(
    text, timestamptz, timestamptz, uuid, uuid, text, integer, text)', 'execute')::integer;
select 1 / has_function_privilege(
    'telemed_dba', 'api.list_consultations(
    text, timestamptz, timestamptz, uuid, uuid, text, integer, text)', 'execute')::integer;

rollback;
