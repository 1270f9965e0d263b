-- Revert telemed:webhooks/give_up_deliveries from pg

begin;

drop function app.disable_webhook(uuid, text);
drop function app.give_up_deliveries(uuid[]);
drop function app.resume_consultation(uuid, uuid);
drop function app.webhook_lease();
drop function app.webhook_delays();

commit;
