-- Revert telemed:webhooks/ping_webhook from pg

begin;

drop function api.ping_webhook;

commit;
