-- Revert telemed:foundation/roles from pg

begin;

-- The roles and their rights stay: another database of this cluster may rely on them.
select 'telemed_owner'::regrole;

commit;
