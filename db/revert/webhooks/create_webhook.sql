-- Revert telemed:webhooks/create_webhook from pg

begin;

drop function api.create_webhook;
drop view api.webhooks_with_secret;

commit;
