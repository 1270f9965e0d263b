begin;
\ir ../helpers/actors.psql
\ir ../helpers/webhooks.psql
select plan(17);

reset role;
create function pg_temp.secrets(p_delivery_id uuid)
returns text language sql security definer
as $$
    select concat_ws(' ', c.secret, c.previous_secret) from work.claim_delivery(p_delivery_id) as c
$$;
create function pg_temp.secrets_of_next(p_webhook_id uuid)
returns text language plpgsql
as $$
declare
    v_event bigint := pg_temp.event('account.created');
begin
    perform pg_temp.dispatched(v_event);
    return pg_temp.secrets(pg_temp.delivery(p_webhook_id, v_event));
end;
$$;
set local role telemed_api;

select pg_temp.webhook() as webhook \gset
select is(pg_temp.secrets_of_next(:'webhook'), 'encrypted',
    'rotate_webhook_secret: a new webhook signs with one secret');
select pg_temp.sign_in('admin');
select is(w.previous_ends_at, '2027-01-05 08:00:00+00',
    'rotate_webhook_secret: the secret before signs for another day')
from api.rotate_webhook_secret(:'webhook', 'second', p_versions => '{*}') as w;
select is(pg_temp.secrets_of_next(:'webhook'), 'second encrypted',
    'rotate_webhook_secret: both secrets sign');
select pg_temp.at_time('2027-01-05 08:00:00+00');
select is(pg_temp.secrets_of_next(:'webhook'), 'second',
    'rotate_webhook_secret: after a day only the new secret signs');
select pg_temp.sign_in('admin');
select api.rotate_webhook_secret(:'webhook', 'third', 2, p_versions => '{*}') \g /dev/null
select api.rotate_webhook_secret(:'webhook', 'fourth', 2, p_versions => '{*}') \g /dev/null
select is(pg_temp.secrets_of_next(:'webhook'), 'fourth third',
    'rotate_webhook_secret: at most two secrets sign');
select pg_temp.sign_in('admin');
select is(w.previous_ends_at, null, 'rotate_webhook_secret: with 0 hours the secret before ends at once')
from api.rotate_webhook_secret(:'webhook', 'fifth', 0, p_versions => '{*}') as w;
select is(pg_temp.secrets_of_next(:'webhook'), 'fifth',
    'rotate_webhook_secret: a secret that has ended does not sign');
select is(
    pg_temp.refusal(v.actor, format('select api.rotate_webhook_secret(%L, %L, %L, %L)', v.id, v.secret,
        v.hours, v.versions)),
    v.refusal, 'rotate_webhook_secret: ' || v.sentence)
from (values
    ('patient', :'webhook', 'x', 24, '{*}', 'TM301', 'a patient is refused'),
    ('doctor', :'webhook', 'x', 24, '{*}', 'TM301', 'a doctor is refused'),
    ('nobody', :'webhook', 'x', 24, '{*}', 'TM101', 'a caller without a context is refused'),
    ('admin', gen_random_uuid()::text, 'x', 24, '{*}', 'TM415', 'an unknown webhook is refused'),
    ('admin', :'webhook', null, 24, '{*}', 'TM201 secret', 'a null secret is refused'),
    ('admin', :'webhook', repeat('x', 1025), 24, '{*}', 'TM201 secret', 'a long secret is refused'),
    ('admin', :'webhook', 'x', 169, '{*}', 'TM201 previous_hours', 'more than a week is refused'),
    ('admin', :'webhook', 'x', null, '{*}', 'TM201 previous_hours', 'a null number of hours is refused'),
    ('admin', :'webhook', 'x', 24, null, 'TM601 If-Match', 'a request without a version is refused'),
    ('admin', :'webhook', 'x', 24, '{0}', 'TM501 If-Match', 'a request about an earlier version is refused'))
    as v (actor, id, secret, hours, versions, refusal, sentence);

select * from finish();
rollback;
