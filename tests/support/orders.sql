-- What the jobs of this drill do. An order is a row that a job settles: it is the fence of its effect.
create schema drill authorization telemed_owner;
set role telemed_owner;
create table drill.orders (
    id bigint primary key,
    line integer not null,
    status text not null default 'pending'
);
create table drill.runs (order_id bigint not null, at timestamptz not null default clock_timestamp());
create table drill.effects (
    id bigint generated always as identity,
    order_id bigint not null references drill.orders
);

create function work.begin_order(p_order_id bigint) returns integer
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
    perform app.forget_actor();
    insert into drill.runs (order_id) values (p_order_id);
    return (select count(*) from drill.runs as r where r.order_id = p_order_id);
end;
$$;

-- The effect and the settlement commit together; a second run finds the row settled.
create function work.settle_order(p_order_id bigint) returns boolean
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
    perform app.forget_actor();
    update drill.orders as o set status = 'done' where o.id = p_order_id and o.status = 'pending';
    if not found then
        return false;
    end if;
    insert into drill.effects (order_id) values (p_order_id);
    return true;
end;
$$;
grant execute on function work.begin_order, work.settle_order to telemed_worker;
