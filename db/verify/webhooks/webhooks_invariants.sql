-- Verify telemed:webhooks/webhooks_invariants on pg

begin;

select 'app.webhooks_invariants(timestamptz)'::regprocedure;

rollback;
