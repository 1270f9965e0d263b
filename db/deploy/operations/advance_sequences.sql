-- Deploy telemed:operations/advance_sequences to pg

begin;

create type ops.sequence_positions as (sequence_name text, last_number bigint);

comment on type ops.sequence_positions is
'A sequence and the last number that it has drawn.';

-- The owner moves the sequences; app.lagging_sequences sees the rows.
create function ops.advance_sequences()
returns setof ops.sequence_positions
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    perform app.forget_actor();
    return query
    select s.sequence_name, setval(s.sequence_name::regclass, s.highest)
    from app.lagging_sequences() as s;
end;
$$;

comment on function ops.advance_sequences() is
'Moves every sequence that is behind its column to the highest number there, and returns it. Call it
after a switch to a server that logical replication has filled, before the first write. It never
moves a sequence back.';

grant execute on function ops.advance_sequences() to telemed_dba;

commit;
