-- Verify telemed:events/event_origin on pg

begin;

select only_row, system_identifier, first_id from app.event_origin where false;
select 1 / (relrowsecurity and relforcerowsecurity)::integer
from pg_catalog.pg_class where oid = 'app.event_origin'::regclass;
select 'app.first_event_of_cluster()'::regprocedure;

rollback;
