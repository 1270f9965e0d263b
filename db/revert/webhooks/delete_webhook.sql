-- Revert telemed:webhooks/delete_webhook from pg

begin;

drop function api.delete_webhook;

commit;
