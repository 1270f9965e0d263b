-- Revert telemed:operations/create_admin from pg

begin;

drop function ops.create_admin(text, text, text);

commit;
