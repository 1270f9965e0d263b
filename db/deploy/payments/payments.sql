-- Deploy telemed:payments/payments to pg

begin;

create table app.payments (
    id uuid primary key default app.uuid_v7(),
    consultation_id uuid not null references app.consultations,
    kind text not null,
    refunded_payment_id uuid,
    amount_minor app.amount_minor not null,
    currency app.currency not null,
    method app.code not null,
    provider app.code,
    provider_reference app.line,
    reason app.prose,
    created_at app.instant not null default app.clock(),
    constraint payments_kind_is_known check (kind in ('payment', 'refund')),
    constraint payments_are_more_than_nothing check (amount_minor > 0),
    constraint payments_refund_something_when_they_are_refunds
    check ((kind = 'refund') = (refunded_payment_id is not null)),
    constraint payments_name_a_provider_only_with_its_reference
    check (provider is null or provider_reference is not null),
    constraint payments_refer_to_the_same_consultation_and_currency
    unique (id, consultation_id, currency),
    constraint payments_refund_in_the_same_consultation_and_currency
    foreign key (refunded_payment_id, consultation_id, currency)
    references app.payments (id, consultation_id, currency)
);

comment on table app.payments is
'Payments and refunds for consultations. Rows are append-only: a refund is a row of its own.';
comment on column app.payments.amount_minor is
'Minor units of currency; positive also for refunds.';
comment on column app.payments.provider is
'The payment provider that issued provider_reference. All rows with null count as one provider.';
comment on column app.payments.provider_reference is
'The provider''s own number of the payment.';

-- This index decides when two requests report one transaction of a provider at once.
create unique index payments_of_a_provider_are_recorded_once
on app.payments (provider, provider_reference) nulls not distinct
where kind = 'payment' and provider_reference is not null;

create index payments_by_consultation on app.payments (consultation_id, id);
create index payments_by_refunded_payment
on app.payments (refunded_payment_id, consultation_id, currency)
where refunded_payment_id is not null;
create index payments_by_time on app.payments (created_at);

create trigger payments_are_append_only
before update or delete on app.payments
for each row execute function app.rows_are_append_only();

create trigger payments_are_never_truncated
before truncate on app.payments
for each statement execute function app.rows_are_append_only();

create trigger payments_are_audited
after insert or update or delete on app.payments
for each row execute function app.record_change('id');

alter table app.payments enable row level security;
alter table app.payments force row level security;
create policy payments_are_all_there_for_internal_functions
on app.payments to telemed_internal using (true);

create policy payments_are_seen_by_patient_and_admins
on app.payments to telemed_owner
using (
    (select current_setting('app.verified_role', true)) in ('patient', 'admin')
    and exists (select from app.consultations as c where c.id = consultation_id));

create view api.payments as
select
    id,
    consultation_id,
    kind,
    refunded_payment_id,
    amount_minor::bigint as amount_minor,
    currency::text as currency,
    app.currency_exponent(currency) as currency_exponent,
    method::text as method,
    provider::text as provider,
    provider_reference::text as provider_reference,
    reason::text as reason,
    created_at::timestamptz as created_at
from app.payments;

comment on view api.payments is 'A payment or a refund. amount_minor: minor units of currency.';

commit;
