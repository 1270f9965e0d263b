begin;
select plan(6);

-- What clients call, with the names that they use for arguments. A change here is a change of the
-- contract: of routes, of documents, of what database administrators have in their scripts.
create temp table listed (signature text primary key) on commit drop;
insert into listed values
('api.activate_user(p_user_id uuid)'),
('api.book_consultation(p_slot_id uuid, p_reason text, p_idempotency_key text)'),
('api.cancel_consultation(p_consultation_id uuid, p_reason text, p_idempotency_key text)'),
('api.change_password(p_current_password_hash text, p_new_password_hash text)'),
('api.check_invariants(p_since timestamp with time zone)'),
('api.clinic_analytics(p_from timestamp with time zone, p_to timestamp with time zone)'),
('api.complete_consultation(p_consultation_id uuid, p_notes text, p_idempotency_key text)'),
('api.confirm_mfa(p_secret text, p_otp_step bigint)'),
('api.consultation_history(p_consultation_id uuid, p_limit integer, p_cursor text)'),
('api.deactivate_user(p_user_id uuid, p_cancel_consultations boolean, p_reason text)'),
('api.disable_mfa(p_otp_step bigint, p_recovery_code text)'),
('api.end_session(p_session_id uuid)'),
('api.end_time_off(p_time_off_id uuid)'),
('api.enrol_mfa(p_secret text)'),
('api.find_open_slots(p_specialty text, p_from timestamp with time zone,'
 ' p_to timestamp with time zone, p_limit integer, p_cursor text)'),
('api.get_consultation(p_consultation_id uuid)'),
('api.get_doctor(p_doctor_id uuid)'),
('api.issue_prescription(p_consultation_id uuid, p_items jsonb, p_notes text,'
 ' p_idempotency_key text)'),
('api.list_access_logs(p_kind text, p_user_id uuid, p_resource_id uuid,'
 ' p_from timestamp with time zone, p_to timestamp with time zone, p_limit integer,'
 ' p_cursor text)'),
('api.list_audit_logs(p_table_name text, p_row_id text, p_user_id uuid, p_operation text,'
 ' p_request_id text, p_from timestamp with time zone, p_to timestamp with time zone,'
 ' p_limit integer, p_cursor text)'),
('api.list_consultations(p_status text, p_from timestamp with time zone,'
 ' p_to timestamp with time zone, p_doctor_id uuid, p_patient_id uuid, p_limit integer,'
 ' p_cursor text)'),
('api.list_doctors(p_specialty text, p_q text, p_limit integer, p_cursor text)'),
('api.list_open_slots(p_doctor_id uuid, p_from timestamp with time zone,'
 ' p_to timestamp with time zone, p_limit integer, p_cursor text)'),
('api.list_payments(p_consultation_id uuid, p_limit integer, p_cursor text)'),
('api.list_prescriptions(p_consultation_id uuid, p_limit integer, p_cursor text)'),
('api.list_sessions(p_limit integer, p_cursor text)'),
('api.list_time_off(p_limit integer, p_cursor text)'),
('api.log_in(p_email text, p_password_hash text, p_otp_step bigint, p_recovery_code text,'
 ' p_address text)'),
('api.log_in_salt(p_email text, p_cost integer, p_address text)'),
('api.log_out(p_session_id uuid, p_refresh_token text)'),
('api.mfa_secret(p_email text, p_password_hash text)'),
('api.my_mfa_secret()'),
('api.my_password_salt()'),
('api.my_profile()'),
('api.onboard_doctor(p_email text, p_password_hash text, p_full_name text, p_specialty text,'
 ' p_time_zone text, p_fee_minor bigint, p_currency text, p_idempotency_key text)'),
('api.publish_slot(p_starts_at timestamp with time zone, p_ends_at timestamp with time zone,'
 ' p_idempotency_key text)'),
('api.publish_weekly_slots(p_from date, p_to date, p_weekdays integer[],'
 ' p_start_time time without time zone, p_end_time time without time zone,'
 ' p_slot_minutes integer, p_time_zone text, p_idempotency_key text)'),
('api.record_denial(p_operation text, p_code text, p_resource_id uuid)'),
('api.record_payment(p_consultation_id uuid, p_amount_minor bigint, p_currency text,'
 ' p_method text, p_provider_reference text, p_provider text, p_idempotency_key text)'),
('api.refresh_session(p_refresh_token text)'),
('api.refund_payment(p_payment_id uuid, p_amount_minor bigint, p_reason text,'
 ' p_idempotency_key text)'),
('api.request_password_reset(p_email text, p_address text)'),
('api.reschedule_consultation(p_consultation_id uuid, p_slot_id uuid, p_idempotency_key text)'),
('api.reset_password(p_token text, p_new_password_hash text)'),
('api.sign_up(p_email text, p_password_hash text, p_full_name text)'),
('api.take_time_off(p_starts_at timestamp with time zone, p_ends_at timestamp with time zone,'
 ' p_reason text, p_idempotency_key text)'),
('api.time_zone_data(p_from timestamp with time zone)'),
('api.update_my_profile(p_full_name text, p_phone text, p_date_of_birth date)'),
('api.withdraw_slot(p_slot_id uuid)'),
('ops.act_as(p_user text)'),
('ops.add_context_key(p_key text)'),
('ops.advise()'),
('ops.change_role(p_user text, p_role text)'),
('ops.check_invariants(p_since timestamp with time zone)'),
('ops.clinic_overview()'),
('ops.create_admin(p_email text, p_password_hash text, p_full_name text)'),
('ops.create_partitions(p_months integer)'),
('ops.drop_context_key(p_id text)'),
('ops.drop_partitions(p_table text, p_keep interval)'),
('ops.list_context_keys()'),
('ops.purge(p_keep interval, p_rows integer)'),
('ops.remove_second_factor(p_user text)'),
('ops.require_second_factor(p_roles text[])'),
('ops.row_history(p_table text, p_row_id text, p_at timestamp with time zone)'),
('ops.set_completion_lead(p_lead interval)'),
('ops.seal_audit(p_rows integer, p_wait interval)'),
('ops.slowest_statements(p_limit integer)'),
('ops.slots_of_changed_zones()'),
('ops.time_zone_laws()'),
('ops.verify_audit(p_exported jsonb, p_since date)');

create temp view public_function as
select
    p.*,
    format('%s.%s(%s)', n.nspname, p.proname,
        pg_get_function_identity_arguments(p.oid)) as signature
from pg_proc as p
inner join pg_namespace as n on n.oid = p.pronamespace
where n.nspname in ('api', 'ops');

select is_empty(
    'select signature from public_function except select signature from listed',
    'clients can call no function that is not listed');
select is_empty(
    'select signature from listed except select signature from public_function',
    'every listed function is there');
select is_empty(
    $$
    select f.signature, f.prorettype::regtype
    from public_function as f
    inner join pg_type as t on t.oid = f.prorettype
    where t.typnamespace not in (f.pronamespace, 'api'::regnamespace, 'pg_catalog'::regnamespace)
       or t.typname in ('record', 'json', 'jsonb')
    $$,
    'every answer has columns with names, and of types that clients may know');
select is_empty(
    $$
    select c.oid::regclass, a.attname, a.atttypid::regtype
    from pg_class as c
    inner join pg_attribute as a on a.attrelid = c.oid
    inner join pg_type as t on t.oid = a.atttypid
    left join pg_type as element on element.oid = t.typelem
    where c.relnamespace in ('api'::regnamespace, 'ops'::regnamespace)
      and c.relkind in ('v', 'c') and a.attnum > 0
      and coalesce(nullif(element.typnamespace, 0), t.typnamespace) not in (
          'api'::regnamespace, 'pg_catalog'::regnamespace)
    $$,
    'no answer has a column of an internal type');
select is_empty(
    $$
    select signature from public_function
    where 'p_limit' = any (proargnames)
      and (not proretset or pg_get_function_arguments(oid) !~ 'p_limit integer DEFAULT 50')
    $$,
    'every list has pages of 50 unless more or fewer are asked for');
select is_empty(
    $$
    select signature from public_function
    where proname ~ '^list_|^find_' and not 'p_cursor' = any (proargnames)
    $$,
    'and every list can be read to its end');

select * from finish();
rollback;
