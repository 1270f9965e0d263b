begin;
\ir ../helpers/actors.psql
\ir ../helpers/webhooks.psql
select plan(7);

select pg_temp.webhook('{account.closed}') as webhook \gset
select pg_temp.sign_in('admin');
select is((w.id, w.event_types), (:'webhook'::uuid, '{account.closed}'::text[]),
    'get_webhook: an admin reads a webhook')
from api.get_webhook(:'webhook') as w;
select is(
    pg_temp.refusal(v.actor, format('select api.get_webhook(%L)', v.id)), v.refusal,
    'get_webhook: ' || v.sentence)
from (values
    ('admin', gen_random_uuid()::text, 'TM415', 'an unknown webhook is refused'),
    ('admin', null, 'TM415', 'a null id is refused'),
    ('doctor', :'webhook', 'TM301', 'a doctor is refused'),
    ('patient', :'webhook', 'TM301', 'a patient is refused'),
    ('nobody', :'webhook', 'TM101', 'a caller without a context is refused'))
    as v (actor, id, refusal, sentence);
select pg_temp.sign_in('admin');
select api.delete_webhook(:'webhook') \g /dev/null
select is(pg_temp.refusal('admin', format('select api.get_webhook(%L)', :'webhook')), 'TM415',
    'get_webhook: a deleted webhook is not found');

select * from finish();
rollback;
