-- Revert telemed:webhooks/redeliver_webhook from pg

begin;

drop function api.redeliver_webhook;

commit;
