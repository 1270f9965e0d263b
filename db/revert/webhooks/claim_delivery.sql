-- Revert telemed:webhooks/claim_delivery from pg

begin;

drop function work.claim_delivery;
drop type work.claimed_delivery;

commit;
