-- Revert telemed:foundation/roles from pg

begin;

-- The roles stay: another database of this cluster may be using them. When none does any more,
-- a superuser drops them by hand.
select 'telemed_owner'::regrole;

commit;
