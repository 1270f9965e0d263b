-- Deploy telemed:operations/repeat_message to pg

begin;

set local role telemed_internal;
create function ops.repeat_message(p_message_id uuid)
returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    perform app.forget_actor();
    update app.messages
    set status = 'pending', settled_at = null, reason = null, send_at = app.clock()
    where id = p_message_id and status = 'failed';
    if not found then
        raise exception 'No message that has failed has this id' using errcode = 'TM440';
    end if;
    perform app.enqueue_job('send_message', jsonb_build_object('message_id', p_message_id));
end;
$$;

comment on function ops.repeat_message(uuid) is
'Tries a message that has failed once more, after its cause is mended: see ops.undelivered_messages.
Like every message it is skipped if it is not right any more. Raises TM440.';

grant execute on function ops.repeat_message(uuid) to telemed_dba;

commit;
