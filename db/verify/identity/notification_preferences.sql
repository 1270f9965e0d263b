-- Verify telemed:identity/notification_preferences on pg

begin;

select user_id, kind, by_email, by_sms from app.notification_preferences where false;
select 1 / (relrowsecurity and relforcerowsecurity)::integer from pg_catalog.pg_class where oid = 'app.notification_preferences'::regclass;
select 1 / count(*) from pg_catalog.pg_trigger
where tgname = 'notification_preferences_are_audited' and tgrelid = 'app.notification_preferences'::regclass;
select 1 / count(*) from pg_catalog.pg_trigger
where tgname = 'notification_preferences_stay_with_their_user' and tgrelid = 'app.notification_preferences'::regclass;
select 1 / count(*) from pg_catalog.pg_trigger
where tgname = 'notification_preferences_are_never_deleted' and tgrelid = 'app.notification_preferences'::regclass;
select 1 / count(*) from pg_catalog.pg_trigger
where tgname = 'notification_preferences_are_never_truncated' and tgrelid = 'app.notification_preferences'::regclass;
select null::api.notification_preferences;
select 'app.wants_notification(uuid, text, text)'::regprocedure;

rollback;
