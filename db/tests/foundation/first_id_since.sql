begin;
select plan(2);

select app.first_id_since(null) = '00000000-0000-7000-8000-000000000000' as of_all,
    app.first_id_since(clock_timestamp() + interval '1 minute') >= app.uuid_v7() as is_above,
    app.first_id_since(clock_timestamp() - interval '1 minute') <= app.uuid_v7() as is_below \gset
select is(:'of_all'::boolean, true, 'the smallest id of all is the result for null');
select is(:'is_above'::boolean and :'is_below'::boolean, true,
    'an id made later is larger, an id made before is smaller');

select * from finish();
rollback;
