-- Revert telemed:webhooks/webhook_deliveries from pg

begin;

select app.refuse_to_lose_rows('webhook_attempts');
select app.refuse_to_lose_rows('webhook_deliveries');

drop view api.webhook_attempts;
drop view api.webhook_deliveries;
drop function app.webhook_message_id(uuid, bigint, uuid);
drop table app.webhook_attempts;
drop table app.webhook_deliveries;

commit;
