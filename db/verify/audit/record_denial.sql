-- Verify telemed:audit/record_denial on pg

begin;

select 'app.is_somebody_elses(uuid, uuid)'::regprocedure;
select 'api.record_denial(text, text, uuid)'::regprocedure;
select 1 / has_function_privilege(
    'telemed_api', 'api.record_denial(text, text, uuid)', 'execute')::integer;

rollback;
