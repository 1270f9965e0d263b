-- Revert telemed:operations/require_verified_email from pg

begin;

drop function ops.require_verified_email;

commit;
