-- Deploy telemed:messages/message_obstacle to pg

begin;

set local role telemed_internal;
create function app.message_obstacle(p_message app.messages)
returns text
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_preference constant text := app.message_preference(p_message.kind);
    v_consultation app.consultations;
begin
    if not exists (
        select from app.users as u
        where u.id = p_message.user_id and u.deactivated_at is null
    ) then
        return 'deactivated';
    end if;
    if v_preference is not null and app.wants_notification(
        p_message.user_id, v_preference, p_message.channel) is not true then
        return 'unwanted';
    end if;

    if p_message.kind in ('booked', 'rescheduled', 'reminder_24h', 'reminder_1h') then
        select c.* into strict v_consultation
        from app.consultations as c where c.id = p_message.consultation_id;
        if v_consultation.status = 'cancelled' then
            return 'cancelled';
        end if;
        if v_consultation.starts_at <> p_message.starts_at then
            return 'moved';
        end if;
        if v_consultation.status = 'completed' or v_consultation.starts_at <= app.clock()
            or (p_message.kind = 'reminder_24h'
                and v_consultation.starts_at - interval '1 hour' <= app.clock()) then
            return 'late';
        end if;
    end if;

    if exists (
        select from app.email_verifications as v
        where v.id = p_message.email_verification_id
          and (v.used_at is not null or v.revoked_at is not null or v.expires_at <= app.clock())
    ) or exists (
        select from app.password_resets as r
        where r.id = p_message.password_reset_id
          and (r.used_at is not null or r.revoked_at is not null or r.expires_at <= app.clock())
    ) then
        return 'expired';
    end if;
    return null;
end;
$$;

comment on function app.message_obstacle(app.messages) is
'Why a message must not be sent now; null if it may be. deactivated: the account of the recipient;
unwanted: by the notification preferences; cancelled, moved: the consultation, since the message was
made; late: the consultation has begun, or the next reminder is due; expired: the verification or
the password reset was used, revoked, or lasts no longer.';

commit;
