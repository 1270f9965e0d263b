-- Deploy telemed:messages/message_rules to pg

begin;

create type app.message_rule as (
    event_type text,
    kind text,
    recipient text,
    preference text,
    lead interval
);

comment on type app.message_rule is
'A message that an event leads to. recipient: patient, doctor, or the user that the event is about.
preference: the kind of notification that the recipient can refuse; null for a message that is
always sent. lead: how long before the start of the consultation it is sent; null for at once.';

create function app.message_rules()
returns setof app.message_rule
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
    values
    ('consultation.booked', 'booked', 'patient', 'booked', null::interval),
    ('consultation.booked', 'booked', 'doctor', 'booked', null),
    ('consultation.booked', 'reminder_24h', 'patient', 'reminder', '24 hours'),
    ('consultation.booked', 'reminder_1h', 'patient', 'reminder', '1 hour'),
    ('consultation.rescheduled', 'rescheduled', 'patient', 'rescheduled', null),
    ('consultation.rescheduled', 'rescheduled', 'doctor', 'rescheduled', null),
    ('consultation.rescheduled', 'reminder_24h', 'patient', 'reminder', '24 hours'),
    ('consultation.rescheduled', 'reminder_1h', 'patient', 'reminder', '1 hour'),
    ('consultation.cancelled', 'cancelled', 'patient', 'cancelled', null),
    ('consultation.cancelled', 'cancelled', 'doctor', 'cancelled', null),
    ('prescription.issued', 'prescription', 'patient', 'prescription', null),
    ('payment.recorded', 'payment', 'patient', 'payment', null),
    ('refund.recorded', 'refund', 'patient', 'payment', null),
    ('account.email_verification_requested', 'email_verification', 'user', null, null),
    ('account.password_reset_requested', 'password_reset', 'user', null, null),
    ('account.email_changed', 'email_changed', 'user', null, null),
    ('account.password_changed', 'password_changed', 'user', null, null),
    ('account.second_factor_changed', 'second_factor_changed', 'user', null, null),
    ('account.signed_in_on_new_device', 'new_device', 'user', null, null)
$$;

comment on function app.message_rules() is
'Which event leads to which message to whom. One kind has one preference.';

create function app.message_preference(p_kind text)
returns text
language plpgsql immutable
set search_path = pg_catalog, pg_temp
as $$
begin
    return (select r.preference from app.message_rules() as r where r.kind = p_kind limit 1);
end;
$$;

comment on function app.message_preference(text) is
'The kind of notification by which a user can refuse messages of p_kind; null for messages that are
always sent, such as security notices.';

commit;
