-- Revert telemed:webhooks/update_webhook from pg

begin;

drop function api.update_webhook;

commit;
