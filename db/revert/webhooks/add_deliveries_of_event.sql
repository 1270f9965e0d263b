-- Revert telemed:webhooks/add_deliveries_of_event from pg

begin;

drop function app.add_deliveries_of_event(app.events);
drop function app.deliver_webhook(uuid, timestamptz);
drop function app.webhook_body_of_event(app.events);
drop function app.webhook_body(text, timestamptz, jsonb);

commit;
