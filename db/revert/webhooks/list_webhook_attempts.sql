-- Revert telemed:webhooks/list_webhook_attempts from pg

begin;

drop function api.list_webhook_attempts;

commit;
