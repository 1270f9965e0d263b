begin;
\ir ../helpers/actors.psql
\ir ../helpers/webhooks.psql
select plan(12);

select pg_temp.sign_in('admin');
select is_empty('select id from api.list_webhooks()', 'list_webhooks: a new clinic has no webhook');
select array_agg(pg_temp.webhook()::text) as ids from generate_series(1, 5) \gset
select is(array_agg(w.id::text), :'ids', 'list_webhooks: an admin lists the webhooks, the oldest first')
from api.list_webhooks() as w;
select is(
    pg_temp.all_pages('api.list_webhooks(p_limit => 2, p_cursor => %L)'), :'ids'::text[],
    'list_webhooks: pages show each webhook once');
select is(
    pg_temp.all_pages($$ api.list_webhooks('-created_at', 2, %L) $$),
    (select array_agg(id order by n desc) from unnest(:'ids'::text[]) with ordinality as i (id, n)),
    'list_webhooks: the latest first in the other order');
select is(pg_temp.cursor_after('admin', 'api.list_webhooks(p_limit => 5)'), null,
    'list_webhooks: a page that has all of them has no cursor');
select api.delete_webhook((:'ids'::uuid[])[1]) \g /dev/null
select is(count(*), 4::bigint, 'list_webhooks: a deleted webhook is not listed')
from api.list_webhooks();
select is(
    pg_temp.refusal(v.actor, 'select api.list_webhooks(' || v.arguments || ')'), v.refusal,
    'list_webhooks: ' || v.sentence)
from (values
    ('patient', '', 'TM301', 'a patient is refused'),
    ('doctor', '', 'TM301', 'a doctor is refused'),
    ('nobody', '', 'TM101', 'a caller without a context is refused'),
    ('admin', $$ 'url' $$, 'TM201 order', 'another order is refused'),
    ('admin', 'p_limit => 0', 'TM201 limit', 'an empty page is refused'),
    ('admin', format('p_cursor => %L', pg_temp.cursor_after(
         'admin', $$ api.list_webhooks('-created_at', p_limit => 2) $$)),
     'TM201 cursor', 'a cursor of the list in the other order is refused'))
    as v (actor, arguments, refusal, sentence);

select * from finish();
rollback;
