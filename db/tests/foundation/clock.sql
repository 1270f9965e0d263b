begin;
select plan(3);

select is(app.clock(), statement_timestamp(), 'the clock shows the time of the statement');
select is(
    (select count(distinct app.clock()) from generate_series(1,
     3) as n where pg_sleep(0.01) is not null),
    1::bigint, 'it stands still within a statement');

select app.clock() as earlier \gset
select cmp_ok(app.clock(), '>', :'earlier', 'and goes on within a transaction');

select * from finish();
rollback;
