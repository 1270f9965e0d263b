begin;
\ir ../helpers/actors.psql
\ir ../helpers/webhooks.psql
select plan(21);

select pg_temp.webhook() as webhook \gset
reset role;
create function pg_temp.broken(p_change text)
returns text language plpgsql
as $$
declare
    v_code text;
    v_constraint text;
begin
    execute 'update app.webhook_endpoints set ' || p_change;
    return null;
exception when others then
    get stacked diagnostics v_code = returned_sqlstate, v_constraint = constraint_name;
    return concat_ws(' ', v_code, nullif(v_constraint, ''));
end;
$$;
select is(pg_temp.broken(v.change), v.refusal, 'webhook_endpoints: ' || v.sentence)
from (values
    ($$ url = 'http://hooks.clinic.test/in' $$,
     '23514 https_url_has_a_host_name_and_only_characters_of_a_url', 'the address is https'),
    ($$ event_types = '{a.b,a.b}' $$,
     '23514 webhook_endpoints_event_types_are_up_to_50_different_names',
     'a type of events occurs once'),
    ($$ event_types = '{A b}' $$,
     '23514 webhook_endpoints_event_types_are_up_to_50_different_names',
     'a type of events is a name in lower case'),
    ($$ secret = null $$, '23514 webhook_endpoints_have_a_secret_until_they_are_deleted',
     'a webhook has a secret'),
    ($$ secret = '' $$, '23514 webhook_endpoints_secrets_have_1_to_1024_bytes',
     'a secret is not empty'),
    ($$ previous_secret = 'a' $$,
     '23514 webhook_endpoints_know_until_when_the_previous_secret_signs',
     'a previous secret has an end'),
    ($$ disabled_at = now() $$, '23514 webhook_endpoints_are_disabled_for_a_known_reason',
     'a disabled webhook has a reason'),
    ($$ disabled_at = now(), disabled_because = 'rain' $$,
     '23514 webhook_endpoints_are_disabled_for_a_known_reason', 'the reason is a known one'),
    ($$ disabled_at = now(), disabled_because = 'deleted' $$,
     '23514 webhook_endpoints_are_disabled_when_they_are_deleted',
     'a webhook that is not deleted is not disabled as deleted'),
    ($$ deleted_at = now(), secret = null, disabled_at = now(), disabled_because = 'deleted',
        previous_secret = 'a', previous_ends_at = now() $$,
     '23514 webhook_endpoints_forget_the_previous_secret_when_deleted',
     'a deleted webhook has no previous secret'),
    ($$ consecutive_failures = 1 $$, '23514 webhook_endpoints_fail_since_their_first_failure',
     'failures begin at a time'),
    ($$ id = gen_random_uuid() $$, 'TM912', 'a webhook keeps its id'),
    ($$ created_at = created_at - interval '1 day' $$, 'TM912',
     'a webhook keeps the time of its creation'),
    ($$ description = 'Billing' $$, null, 'a description may change'))
    as v (change, refusal, sentence);
select throws_ok('delete from app.webhook_endpoints', 'TM912', null,
    'webhook_endpoints: no row is deleted');
select throws_ok('truncate app.webhook_endpoints cascade', 'TM912',
    'TRUNCATE of webhook_endpoints is not allowed: its rows are kept as they were written',
    'webhook_endpoints: the table is never truncated');

-- The audit log and the view
select is_empty(
    $$ select id from app.audit_logs where table_name = 'webhook_endpoints'
       and (old::text ~ 'secret' or new::text ~ 'secret') $$,
    'webhook_endpoints: the audit log has no secret');
select is(count(*), 2::bigint, 'webhook_endpoints: the audit log has each change')
from app.audit_logs where table_name = 'webhook_endpoints' and row_id = :'webhook';
set local app.verified_role = 'admin';
select is(w.is_enabled, true, 'api.webhooks: a new webhook is enabled')
from api.webhooks as w where w.id = :'webhook';
update app.webhook_endpoints
set deleted_at = now(), secret = null, disabled_at = now(), disabled_because = 'deleted'
where id = :'webhook';
select is_empty('select id from api.webhooks', 'api.webhooks: a deleted webhook is not shown');
select is(pg_temp.broken($$ description = 'Back' $$), 'TM912',
    'webhook_endpoints: a deleted webhook does not change');

select * from finish();
rollback;
