-- Revert telemed:foundation/roles from pg

begin;

-- What was granted stays: another database of this cluster may rely on it.
select 'telemed_owner'::regrole;

commit;
