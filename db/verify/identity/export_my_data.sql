-- Verify telemed:identity/export_my_data on pg

begin;

select null::api.data_exports;
select 'app.stored_about(uuid)'::regprocedure;
select 1 / has_function_privilege(
    'telemed_api', 'api.export_my_data'::regproc, 'execute')::integer;
select 1 / has_function_privilege(
    'telemed_dba', 'api.export_my_data'::regproc, 'execute')::integer;

rollback;
