-- Verify telemed:messages/messages on pg

begin;

select id, event_id, user_id, kind, channel, consultation_id, starts_at, email_verification_id, password_reset_id, address, created_at, send_at, status, attempt, lease_ends_at, language, settled_at, reason, error
from app.messages where false;
select 'app.messages_remind_once_of_each_time'::regclass;
select 'app.messages_by_user'::regclass;
select 'app.messages_by_consultation'::regclass;
select 'app.messages_by_email_verification'::regclass;
select 'app.messages_by_password_reset'::regclass;
select 'app.messages_to_send'::regclass;
select 'app.messages_failed'::regclass;
select 1 / (relrowsecurity and relforcerowsecurity)::integer from pg_catalog.pg_class where oid = 'app.messages'::regclass;
select 1 / count(*) from pg_catalog.pg_trigger
where tgname = 'messages_change_only_as_permitted' and tgrelid = 'app.messages'::regclass;
select 1 / count(*) from pg_catalog.pg_trigger
where tgname = 'messages_are_kept_for_30_days' and tgrelid = 'app.messages'::regclass;
select 1 / count(*) from pg_catalog.pg_trigger
where tgname = 'messages_are_never_truncated' and tgrelid = 'app.messages'::regclass;
select token_hash, message_id, issued_at from app.message_tokens where false;
select 'app.message_tokens_by_message'::regclass;
select 1 / (relrowsecurity and relforcerowsecurity)::integer from pg_catalog.pg_class where oid = 'app.message_tokens'::regclass;
select 1 / count(*) from pg_catalog.pg_trigger
where tgname = 'message_tokens_are_kept_for_30_days' and tgrelid = 'app.message_tokens'::regclass;
select 1 / count(*) from pg_catalog.pg_trigger
where tgname = 'message_tokens_are_never_truncated' and tgrelid = 'app.message_tokens'::regclass;
select 1 / count(*) from pg_catalog.pg_trigger
where tgname = 'message_tokens_are_audited' and tgrelid = 'app.message_tokens'::regclass;
select 'app.make_message_token(uuid)'::regprocedure, 'app.subject_of_token(bytea)'::regprocedure;

rollback;
