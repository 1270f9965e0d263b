-- Verify telemed:messages/add_messages_of_event on pg

begin;

select 'app.add_messages_of_event(app.events)'::regprocedure;

rollback;
