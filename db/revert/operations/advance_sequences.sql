-- Revert telemed:operations/advance_sequences from pg

begin;

drop function ops.advance_sequences();
drop type ops.sequence_positions;

commit;
