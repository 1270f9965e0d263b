-- Revert telemed:webhooks/create_webhook from pg

begin;

drop function api.create_webhook;

commit;
