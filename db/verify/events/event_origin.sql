-- Verify telemed:events/event_origin on pg

begin;

select only_row, system_identifier, first_id, first_month, dropped_id, dropped_transaction_id, drops from app.event_origin where false;
select 1 / (relrowsecurity and relforcerowsecurity)::integer
from pg_catalog.pg_class where oid = 'app.event_origin'::regclass;
select
    'app.first_event_of_cluster()'::regprocedure, 'app.note_dropped_events(date)'::regprocedure,
    'app.missing_months_of_events()'::regprocedure,
    'app.note_missing_events(date)'::regprocedure,
    'app.require_kept_events(xid8, bigint, integer)'::regprocedure;

rollback;
