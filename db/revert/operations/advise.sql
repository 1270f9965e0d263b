-- Revert telemed:operations/advise from pg

begin;

drop function ops.advise();
drop function app.advice();
drop function app.advice_on_violations();
drop type ops.advice;

commit;
