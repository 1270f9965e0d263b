-- Revert telemed:operations/slots_of_changed_zones from pg

begin;

drop function ops.slots_of_changed_zones();
drop type ops.slot_of_changed_zone;

commit;
