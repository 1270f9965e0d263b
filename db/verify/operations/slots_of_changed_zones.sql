-- Verify telemed:operations/slots_of_changed_zones on pg

begin;

select null::ops.slot_of_changed_zone;
select 'ops.slots_of_changed_zones()'::regprocedure;
select 1 / has_function_privilege('telemed_dba', 'ops.slots_of_changed_zones()', 'execute')::integer;

rollback;
