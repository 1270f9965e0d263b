begin;
select plan(6);

create temp table trace (note text) on commit drop;

create function pg_temp.refuse()
returns text language plpgsql
as $$
begin
    insert into trace values ('what a refusal leaves');
    perform app.refuse('TM901', 'The slot is not open');
    return 'went on';
end;
$$;

select is(pg_temp.refuse(), 'went on', 'a refusal that is remembered does not stop the function');
select is((select count(*) from trace), 1::bigint, 'and what was written stays');

set local app.refusals = 'raise';
select throws_ok(
    'select pg_temp.refuse()', 'TM901', 'The slot is not open',
    'for a person in psql the same refusal is an error with the same code');
select is((select count(*) from trace), 1::bigint, 'and nothing stays of it');

set local app.refusals = '';
select lives_ok('select pg_temp.refuse()', 'after the transaction it is a warning again');
select ok(
    p.proconfig @> '{client_min_messages=notice}',
    'a client that hides warnings still hears of a refusal')
from pg_proc as p where p.oid = 'app.refuse(text, text)'::regprocedure;

select * from finish();
rollback;
