-- Deploy telemed:foundation/refuse to pg

begin;

-- An exception rolls back everything that the transaction has written. Some refusals must keep it:
-- the outcome stored under an idempotency key, a revoked session. Such a refusal is a WARNING with
-- the same code, the function returns null, and the transaction commits. client_min_messages is
-- pinned because a client that hides warnings would miss the refusal.
create function app.refuse(p_code text, p_message text, p_details jsonb default null)
returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set client_min_messages = notice
as $$
begin
    if current_setting('app.refusals', true) = 'raise' then
        if p_details is null then
            raise exception using errcode = p_code, message = p_message;
        end if;
        raise exception using errcode = p_code, message = p_message, detail = p_details;
    elsif p_details is null then
        raise warning using errcode = p_code, message = p_message;
    else
        raise warning using errcode = p_code, message = p_message, detail = p_details;
    end if;
end;
$$;

comment on function app.refuse(text, text, jsonb) is
'Refuses a request in a way that can be committed: sends a WARNING with the code p_code, the message
p_message and the DETAIL p_details, a JSON object. After ops.act_as, where a person reads the
answer, it raises an ERROR with the same code instead.';

commit;
