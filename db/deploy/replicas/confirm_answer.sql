-- Deploy telemed:replicas/confirm_answer to pg

begin;

create function api.confirm_answer()
returns boolean
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    perform app.forget_actor();
    perform app.proven_context();
    if current_setting('transaction_read_only')::boolean then
        -- The error of a write on such a server, so that the REST API looks for another one.
        raise read_only_sql_transaction
            using message = 'This server accepts no writes, so its answer may be out of date';
    end if;
    -- A transaction that writes nothing waits for no standby, so this one writes a record that
    -- stands for nothing. One that has written waits anyway.
    if current_setting('synchronous_standby_names') <> ''
        and pg_current_xact_id_if_assigned() is null then
        perform pg_logical_emit_message(true, 'telemedicine', '');
    end if;
    return true;
end;
$$;

comment on function api.confirm_answer is
'Confirms what the caller has seen on this server: the commit of the present transaction waits for
the synchronous standby also if the transaction has written nothing. A primary that was replaced
and does not know it gets no confirmation. If the commit ends without a warning, no other server was
the primary when the call began. Without a synchronous standby nothing is written. Returns true. A
caller need not be logged in. Raises 25006 on a server that accepts no writes, and TM101.';

grant execute on function api.confirm_answer to telemed_api, telemed_dba;

commit;
