-- Revert telemed:operations/database_figures from pg

begin;

drop function work.database_figures;
drop function ops.database_figures;
drop type ops.database_figures;

commit;
