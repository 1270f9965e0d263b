-- Verify telemed:events/add_event on pg

begin;

select 'app.add_event(text, jsonb, uuid, uuid, uuid, uuid, uuid)'::regprocedure;

rollback;
