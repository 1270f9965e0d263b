-- Revert telemed:operations/advise from pg

begin;

drop function ops.advise();
drop type ops.advice;

commit;
