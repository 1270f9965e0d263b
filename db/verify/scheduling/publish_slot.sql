-- Verify telemed:scheduling/publish_slot on pg

begin;

select 'api.publish_slot(timestamptz, timestamptz)'::regprocedure;
select 1 / has_function_privilege(
    'telemed_api', 'api.publish_slot(timestamptz, timestamptz)', 'execute')::integer;
select 1 / has_function_privilege(
    'telemed_dba', 'api.publish_slot(timestamptz, timestamptz)', 'execute')::integer;

rollback;
