begin;
select plan(8);

create temp view column_of_table as
select
    c.oid as table_id,
    c.relname as table_name,
    a.attname as column_name,
    a.attnum,
    t.typtype,
    t.typname,
    coalesce(nullif(t.typbasetype, 0), t.oid)::regtype as base_type,
    exists (
        select from pg_constraint as k
        where k.conrelid = c.oid and k.contype = 'c' and a.attnum = any (k.conkey)) as is_checked
from pg_class as c
inner join pg_attribute as a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
inner join pg_type as t on t.oid = a.atttypid
where c.relnamespace = 'app'::regnamespace and c.relkind in ('r', 'p');

select is_empty(
    $$
    select table_name, column_name from column_of_table
    where base_type = 'timestamptz'::regtype and typname <> 'instant'
    $$,
    'every column of type timestamptz has the domain app.instant');
select is_empty(
    $$
    select l.table_name, l.column_name from column_of_table as l
    where l.base_type in ('timestamp'::regtype, 'time'::regtype, 'timetz'::regtype)
      and not (l.column_name ~ '_local$' and exists (
          select from column_of_table as z
          where z.table_id = l.table_id and z.column_name = 'time_zone'))
    $$,
    'every local time stands beside a column time_zone');
select is_empty(
    $$
    select table_name, column_name from column_of_table
    where base_type in ('text'::regtype, 'varchar'::regtype, 'bpchar'::regtype)
      and typtype <> 'd' and not is_checked
      -- Only a deployment fills it.
      and table_name <> 'consultation_transitions'
    $$,
    'every text column has a domain or a check constraint');
select is_empty(
    $$
    select t.typname from pg_type as t
    where t.typnamespace = 'app'::regnamespace and t.typtype = 'd'
      and not exists (select from pg_constraint as k where k.contypid = t.oid)
    $$,
    'every domain has a constraint');
select is_empty(
    $$
    select table_name, column_name from column_of_table
    where base_type in ('real'::regtype, 'float8'::regtype, 'numeric'::regtype, 'money'::regtype)
       or (column_name ~ '_minor$' and typname not in ('amount_minor', 'total_minor'))
       or (column_name = 'currency' and typname <> 'currency')
    $$,
    'every amount of money is in whole minor units, and no column has a decimal or floating-point '
    'type');
select is_empty(
    $$
    select m.table_name, m.column_name from column_of_table as m
    where m.column_name ~ '_minor$'
      and not exists (
          select from column_of_table as c
          where c.table_id = m.table_id and c.column_name = 'currency')
    $$,
    'every amount of money stands beside its currency');
select is_empty(
    $$
    select c.oid::regclass from pg_class as c
    where c.relnamespace = 'app'::regnamespace and c.relkind in ('r', 'p')
      and not exists (select from pg_constraint as k where k.conrelid = c.oid and k.contype = 'p')
    $$,
    'every table has a primary key');

select is(
    (select array_agg(format('%s.%s', c.table_name, c.column_name)
        order by c.table_name::text collate "C", c.column_name::text collate "C")
     from column_of_table as c
     inner join pg_class as t on t.oid = c.table_id and not t.relispartition
     inner join pg_attribute as a on a.attrelid = c.table_id and a.attnum = c.attnum
     where not a.attnotnull),
    '{access_logs.code,access_logs.request_id,access_logs.resource_ids,access_logs.role,'
    'access_logs.user_id,activity_by_doctor_and_day.currency,activity_by_quarter_hour.currency,'
    'audit_logs.new,audit_logs.old,audit_logs.request_id,audit_logs.role,'
    'audit_logs.user_id,availability_slots.starts_at_local,availability_slots.time_zone,'
    'calendar_feeds.revoked_at,'
    'consultations.cancellation_reason,consultations.completion_digest,'
    'consultations.notes,consultations.reason,doctors.biography,doctors.deactivated_at,'
    'doctors.photo_url,doctors.practising_since,'
    'email_verifications.revoked_at,email_verifications.used_at,'
    'events.actor_id,events.actor_role,events.cause,events.consultation_id,events.doctor_id,'
    'events.patient_id,events.predecessor_id,events.request_id,events.sequence_number,'
    'events.slot_id,events.user_id,'
    'idempotency_keys.refusal_code,idempotency_keys.refusal_details,'
    'idempotency_keys.refusal_message,'
    'idempotency_keys.resource_id,idempotency_keys.response,latest_events.predecessor_id,'
    'log_in_attempts.succeeded_at,'
    'messages.address,messages.consultation_id,messages.email_verification_id,messages.error,'
    'messages.language,messages.lease_ends_at,messages.password_reset_id,messages.reason,'
    'messages.settled_at,messages.starts_at,'
    'password_resets.requested_from,password_resets.revoked_at,password_resets.used_at,payments.provider,payments.provider_reference,'
    'payments.reason,payments.refunded_payment_id,prescription_items.duration_days,'
    'prescription_items.instructions,prescriptions.notes,profiles.date_of_birth,profiles.language,'
    'profiles.phone,profiles.time_zone,recovery_codes.spent_at,refresh_tokens.spent_at,'
    'sessions.revoked_at,'
    'sessions.second_factor_at,time_off.reason,users.deactivated_at,users.email_verified_at,'
    'users.mfa_confirmed_at,'
    'users.mfa_last_step,users.mfa_secret,webhook_attempts.answer,webhook_attempts.duration_ms,'
    'webhook_attempts.error,webhook_attempts.status_code,webhook_deliveries.consultation_id,'
    'webhook_deliveries.event_id,webhook_deliveries.first_tried_at,'
    'webhook_deliveries.lease_ends_at,webhook_deliveries.next_attempt_at,'
    'webhook_deliveries.sequence_number,webhook_deliveries.settled_at,'
    'webhook_endpoints.deleted_at,webhook_endpoints.description,webhook_endpoints.disabled_at,'
    'webhook_endpoints.disabled_because,webhook_endpoints.first_failed_at,'
    'webhook_endpoints.previous_ends_at,webhook_endpoints.previous_secret,webhook_endpoints.secret,'
    'webhook_redeliveries.ends_at,webhook_redeliveries.event_id,'
    'webhook_redeliveries.starts_at}',
    'the columns that may be null are those of the reviewed list');

select * from finish();
rollback;
