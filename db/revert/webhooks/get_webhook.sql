-- Revert telemed:webhooks/get_webhook from pg

begin;

drop function api.get_webhook;

commit;
