-- Revert telemed:webhooks/check_webhook from pg

begin;

drop function app.lock_webhook(uuid);
drop function app.check_webhook(text[], text);
drop function app.webhook_event_types();

commit;
