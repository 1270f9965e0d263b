-- Verify telemed:scheduling/publish_slot on pg

begin;

select 'api.publish_slot(timestamptz, timestamptz, text)'::regprocedure;
select 1 / has_function_privilege(
    'telemed_api', 'api.publish_slot(timestamptz, timestamptz, text)', 'execute')::integer;
select 1 / has_function_privilege(
    'telemed_dba', 'api.publish_slot(timestamptz, timestamptz, text)', 'execute')::integer;

rollback;
