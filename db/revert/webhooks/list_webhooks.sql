-- Revert telemed:webhooks/list_webhooks from pg

begin;

drop function api.list_webhooks;

commit;
