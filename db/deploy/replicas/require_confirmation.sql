-- Deploy telemed:replicas/require_confirmation to pg

begin;

-- A notice, because an exception undoes everything else that a statement could leave behind.
create function api.require_confirmation()
returns boolean
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set client_min_messages = notice
as $$
begin
    perform app.forget_actor();
    perform app.proven_context();
    raise notice 'What this transaction does not write has to be confirmed: api.confirm_answer'
        using errcode = 'TM001';
    return true;
end;
$$;

comment on function api.require_confirmation is
'Tells the caller of a change that this server waits for a synchronous standby, or accepts no
writes: sends NOTICE TM001. A refusal that wrote nothing then counts only after api.confirm_answer,
in a transaction of its own, has returned. The REST API calls it before the function of a change, so
that the notice comes also if that function raises an exception. Returns true. A caller need not be
logged in. Raises TM101.';

grant execute on function api.require_confirmation to telemed_api, telemed_dba;

commit;
