-- Revert telemed:webhooks/rotate_webhook_secret from pg

begin;

drop function api.rotate_webhook_secret;

commit;
