-- Revert telemed:operations/clinic_overview from pg

begin;

drop function ops.clinic_overview();
drop type ops.measures;

commit;
