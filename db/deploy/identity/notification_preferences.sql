-- Deploy telemed:identity/notification_preferences to pg

begin;

create table app.notification_preferences (
    user_id uuid not null references app.users,
    kind text not null,
    by_email boolean not null,
    by_sms boolean not null,
    constraint notification_preferences_are_given_once_for_each_kind primary key (user_id, kind),
    constraint notification_preferences_kind_is_known
    check (kind in ('booked', 'rescheduled', 'cancelled', 'reminder', 'prescription', 'payment'))
);

comment on table app.notification_preferences is
'How a user gets each kind of notification, where they have changed it. Without a row a user gets
the kind by e-mail. Messages about the account itself, such as a password reset, have no
preference.';

create trigger notification_preferences_are_audited
after insert or update or delete on app.notification_preferences
for each row execute function app.record_change('user_id');

create trigger notification_preferences_stay_with_their_user
before update of user_id, kind on app.notification_preferences
for each row execute function app.rows_are_append_only();

create trigger notification_preferences_are_never_deleted
before delete on app.notification_preferences
for each row execute function app.rows_are_append_only();

create trigger notification_preferences_are_never_truncated
before truncate on app.notification_preferences
for each statement execute function app.rows_are_append_only();

alter table app.notification_preferences enable row level security;
alter table app.notification_preferences force row level security;
create policy notification_preferences_are_all_there_for_internal_functions
on app.notification_preferences to telemed_internal using (true);

create policy notification_preferences_are_those_of_their_user
on app.notification_preferences to telemed_owner
using (
    user_id = (select nullif(current_setting('app.verified_user_id', true), '')::uuid));

create type api.notification_preferences as (kind text, by_email boolean, by_sms boolean);

comment on type api.notification_preferences is
'Whether the caller gets a kind of notification by e-mail and by SMS.';

set local role telemed_internal;
create function app.wants_notification(p_user_id uuid, p_kind text, p_channel text)
returns boolean
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    return (
        select case p_channel
            when 'email' then coalesce(n.by_email, true)
            when 'sms' then coalesce(n.by_sms, false) and p.phone is not null
            else false
        end
        from app.users as u
        inner join app.profiles as p on p.user_id = u.id
        left join app.notification_preferences as n on n.user_id = u.id and n.kind = p_kind
        where u.id = p_user_id and u.deactivated_at is null);
end;
$$;

comment on function app.wants_notification(uuid, text, text) is
'Whether a user gets a kind of notification by a channel (email or sms), for the sender of messages.
A user without a phone number gets no SMS. Null for a deactivated or unknown account, which gets
nothing.';
reset role;

commit;
