-- Deploy telemed:messages/settle_message to pg

begin;

set local role telemed_internal;
create function work.settle_message(p_message_id uuid, p_attempt integer)
returns boolean
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    perform app.forget_actor();
    update app.messages
    set status = 'sent', settled_at = app.clock(), lease_ends_at = null, error = null
    where id = p_message_id and status = 'sending' and attempt = p_attempt;
    return found;
end;
$$;

comment on function work.settle_message(uuid, integer) is
'Settles a message as sent. Returns false, and changes nothing, if the message belongs to a later
attempt or is settled already.';

grant execute on function work.settle_message to telemed_worker;

commit;
