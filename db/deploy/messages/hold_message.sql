-- Deploy telemed:messages/hold_message to pg

begin;

set local role telemed_internal;
create function work.hold_message(p_message_id uuid, p_attempt integer)
returns boolean
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_consultation_id uuid;
    v_message app.messages;
    v_obstacle text;
begin
    perform app.forget_actor();
    perform app.require_fresh_snapshot();
    -- The bound of the locks below: less than the lock_timeout of telemed_api, so that no request
    -- fails because a mail server is slow. PostgreSQL ends the session, and the locks with it.
    perform set_config('idle_in_transaction_session_timeout', '1000', true);

    -- Lock order: the consultation, then its message. A cancellation or a reschedule of it has
    -- either been committed, and is seen below, or waits until the end of this transaction.
    select m.consultation_id into v_consultation_id
    from app.messages as m where m.id = p_message_id;
    perform from app.consultations as c where c.id = v_consultation_id for share;

    select m.* into v_message
    from app.messages as m
    where m.id = p_message_id
      and m.status = 'sending'
      and m.attempt = p_attempt
      -- Nobody else claims the message while it is handed over.
      and m.lease_ends_at > app.clock() + interval '30 seconds'
    for no key update;
    if not found then
        return false;
    end if;
    v_obstacle := app.message_obstacle(v_message);
    if v_obstacle is not null then
        perform app.skip_message(v_message, v_obstacle);
        return false;
    end if;
    return true;
end;
$$;

comment on function work.hold_message(uuid, integer) is
'The last check before a message is handed over, in the transaction in which that happens: true if
the worker still has the message and it may be sent (app.message_obstacle). Until the end of the
transaction, but for at most a second of idleness, its consultation can then be neither cancelled
nor rescheduled. A message that must not be sent any more is settled as skipped. Raises TM208.';

grant execute on function work.hold_message to telemed_worker;

commit;
