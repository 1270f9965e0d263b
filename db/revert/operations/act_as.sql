-- Revert telemed:operations/act_as from pg

begin;

drop function ops.act_as(text);

commit;
