-- Revert telemed:webhooks/webhooks_invariants from pg

begin;

drop function app.webhooks_invariants(timestamptz);

commit;
