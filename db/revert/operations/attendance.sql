-- Revert telemed:operations/attendance from pg

begin;

drop function ops.attendance(timestamptz, timestamptz);
drop type ops.attendances;

commit;
