-- Deploy telemed:messages/fail_message to pg

begin;

set local role telemed_internal;
create function work.fail_message(
    p_message_id uuid, p_attempt integer, p_error text, p_is_permanent boolean
)
returns text
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_reason text := case
        when p_is_permanent then 'refused' when p_attempt >= 30 then 'given_up' end;
    v_message app.messages;
begin
    perform app.forget_actor();
    update app.messages
    set status = case when v_reason is null then 'pending' else 'failed' end,
        reason = v_reason,
        settled_at = case when v_reason is not null then app.clock() end,
        lease_ends_at = null,
        -- Half a minute, a minute, two ... up to an hour.
        send_at = app.clock() + case
            when v_reason is not null then interval '0'
            else least(interval '30 seconds' * 2 ^ least(p_attempt - 1, 10), interval '1 hour')
        end,
        -- The text of another server, which may have any length and any characters.
        error = coalesce(
            nullif(btrim(left(regexp_replace(p_error, '[^!-~]+', ' ', 'g'), 200)), ''), 'unknown')
    where id = p_message_id and status = 'sending' and attempt = p_attempt
    returning * into v_message;
    if v_message.status = 'pending' then
        perform app.enqueue_job(
            'send_message', jsonb_build_object('message_id', v_message.id), null,
            v_message.send_at);
    end if;
    return v_message.status;
end;
$$;

comment on function work.fail_message(uuid, integer, text, boolean) is
'Records that an attempt to send a message has failed. The next one follows after half a minute, a
minute, two and so on, at most an hour; the message has failed after 30 attempts, about a day, or at
once if p_is_permanent. p_error: what the other server said. Returns the status of the message, or
null if the message belongs to a later attempt or is settled already.';

grant execute on function work.fail_message to telemed_worker;

commit;
