-- Revert telemed:operations/row_history from pg

begin;

drop function ops.row_history(text, text, timestamptz);
drop type ops.row_versions;

commit;
