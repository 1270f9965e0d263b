-- Verify telemed:operations/check_invariants on pg

begin;

select null::api.invariants;
select 'app.all_invariants(timestamptz)'::regprocedure;
select 'app.invariants_report(timestamptz)'::regprocedure;
select 'ops.check_invariants(timestamptz)'::regprocedure;
select 1 / has_function_privilege(
    'telemed_dba', 'ops.check_invariants(timestamptz)', 'execute')::integer;
select 'api.check_invariants(timestamptz)'::regprocedure;
select 1 / has_function_privilege(
    'telemed_api', 'api.check_invariants(timestamptz)', 'execute')::integer;
select 1 / has_function_privilege(
    'telemed_dba', 'api.check_invariants(timestamptz)', 'execute')::integer;

rollback;
