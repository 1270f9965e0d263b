-- Revert telemed:operations/list_advice from pg

begin;

drop function api.list_advice;
drop type api.advice;

commit;
