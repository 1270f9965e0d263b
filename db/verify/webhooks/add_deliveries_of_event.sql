-- Verify telemed:webhooks/add_deliveries_of_event on pg

begin;

select 'app.add_deliveries_of_event(app.events)'::regprocedure;
select 'app.deliver_webhook(uuid, timestamptz)'::regprocedure;
select 'app.webhook_body_of_event(app.events)'::regprocedure;
select 'app.webhook_body(text, timestamptz, jsonb)'::regprocedure;

rollback;
