-- Verify telemed:operations/time_zone_data on pg

begin;

select null::ops.time_zone_law;
select null::api.time_zone_data;
select 'app.time_zone_laws()'::regprocedure;
select 'ops.time_zone_laws()'::regprocedure;
select 'app.time_zone_release()'::regprocedure;
select 'api.time_zone_data(timestamptz)'::regprocedure;
select 1 / has_function_privilege('telemed_dba', 'ops.time_zone_laws()', 'execute')::integer;
select 1 / has_function_privilege(
    'telemed_api', 'api.time_zone_data(timestamptz)', 'execute')::integer;
select 1 / has_function_privilege(
    'telemed_dba', 'api.time_zone_data(timestamptz)', 'execute')::integer;

rollback;
