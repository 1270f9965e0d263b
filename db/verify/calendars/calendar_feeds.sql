-- Verify telemed:calendars/calendar_feeds on pg

begin;

select id, user_id, token_hash, created_at, revoked_at
from app.calendar_feeds where false;
select 'app.calendar_feeds_one_in_force_per_user'::regclass;
select 'app.calendar_feeds_by_user'::regclass;
select 1 / (relrowsecurity and relforcerowsecurity)::integer from pg_catalog.pg_class where oid = 'app.calendar_feeds'::regclass;
select 1 / count(*) from pg_catalog.pg_trigger
where tgname = 'calendar_feeds_are_audited' and tgrelid = 'app.calendar_feeds'::regclass;
select 1 / count(*) from pg_catalog.pg_trigger
where tgname = 'calendar_feeds_are_revoked_once' and tgrelid = 'app.calendar_feeds'::regclass;
select 1 / count(*) from pg_catalog.pg_trigger
where tgname = 'calendar_feeds_are_never_deleted' and tgrelid = 'app.calendar_feeds'::regclass;
select 1 / count(*) from pg_catalog.pg_trigger
where tgname = 'calendar_feeds_are_never_truncated' and tgrelid = 'app.calendar_feeds'::regclass;
select 1 / count(*) from pg_catalog.pg_trigger
where tgname = 'calendar_feeds_end_with_what_they_rest_on' and tgrelid = 'app.users'::regclass;
select null::api.calendar_feeds;

rollback;
