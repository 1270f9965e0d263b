-- Verify telemed:operations/check_invariants on pg

begin;

select null::api.invariants;
select * from app.invariant_violations where false;
select name, description
from app.invariants where false;
select 'ops.check_invariants()'::regprocedure;
select 1 / has_function_privilege(
    'telemed_dba', 'ops.check_invariants()', 'execute')::integer;
select 'api.check_invariants()'::regprocedure;
select 1 / has_function_privilege(
    'telemed_api', 'api.check_invariants()', 'execute')::integer;
select 1 / has_function_privilege(
    'telemed_dba', 'api.check_invariants()', 'execute')::integer;

rollback;
