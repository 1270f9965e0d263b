-- Verify telemed:messages/message_obstacle on pg

begin;

select 'app.message_obstacle(app.messages)'::regprocedure;

rollback;
