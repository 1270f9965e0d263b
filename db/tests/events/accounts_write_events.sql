begin;
\ir ../helpers/actors.psql
select plan(26);
reset role;

create temp table seen (id bigint not null default 0) on commit drop;
insert into seen default values;
-- The events of accounts since the last call: type, name of the account and of the actor, cause
create function pg_temp.new_events() returns setof text language sql
as $$
    with before as (
        select s.id from seen as s
    ), mark as (
        update seen set id = (select max(e.id) from app.events as e)
    )
    select concat_ws(' ', e.type, u.name, 'by ' || coalesce(a.name, 'nobody'), e.cause)
    from before as b
    inner join app.events as e on e.id > b.id and e.type like 'account.%'
    left join actor as u on u.id = e.user_id
    left join actor as a on a.id = e.actor_id
    order by e.id
$$;
create function pg_temp.newest() returns app.events language sql
as $$ select e.* from app.events as e where e.type like 'account.%' order by e.id desc limit 1 $$;
create function pg_temp.hash(p_letter text) returns text language sql
as $$ select '$2b$04$' || repeat(p_letter, 53) $$;

-- Creation: the actors of this test
select results_eq(
    $$
    select e.data ->> 'role', e.cause::text from app.events as e
    inner join actor as a on a.id = e.user_id
    where e.type = 'account.created' order by e.id
    $$,
    $$ values ('admin', 'create_admin'), ('doctor', 'onboard_doctor'), ('doctor', 'onboard_doctor'),
              ('patient', 'sign_up'), ('patient', 'sign_up') $$,
    'account.created: each new account is an event with its role');
select count(*) from pg_temp.new_events() \g /dev/null

-- Addresses
select pg_temp.sign_in('patient');
select token from api.request_email_verification() \gset
select results_eq(
    'select pg_temp.new_events()',
    array['account.email_verification_requested patient by patient request_email_verification'],
    'account.email_verification_requested: a token for the address is an event');
select is(n.data::jsonb,
    (select jsonb_build_object('email_verification_id', v.id) from app.email_verifications as v
     where v.token_hash = sha256(:'token')),
    'account.email_verification_requested: the event has the id, and not the token')
from pg_temp.newest() as n;
select api.verify_email(:'token') \g /dev/null
select is_empty('select pg_temp.new_events()',
    'account.email_changed: the verification of the present address is no event');
select token from api.request_email_change('new@clinic.test', pg_temp.hash('a')) \gset
select count(*) from pg_temp.new_events() \g /dev/null
select api.verify_email(:'token') \g /dev/null
select results_eq('select pg_temp.new_events()',
    array['account.email_changed patient by patient verify_email'],
    'account.email_changed: a new address is an event');
select is(n.data::jsonb, '{"former_email": "patient@clinic.test"}',
    'account.email_changed: the event has the former address') from pg_temp.newest() as n;

-- Passwords
select api.change_password(pg_temp.hash('a'), pg_temp.hash('b')) \g /dev/null
select results_eq('select pg_temp.new_events()',
    array['account.password_changed patient by patient change_password'],
    'account.password_changed: a new password is an event');
select is(n.data::jsonb, '{}', 'account.password_changed: the event has no data') from pg_temp.newest() as n;
select pg_temp.sign_in('nobody');
select token from api.request_password_reset('new@clinic.test', '198.51.100.1') \gset
select results_eq('select pg_temp.new_events()',
    array['account.password_reset_requested patient by nobody request_password_reset'],
    'account.password_reset_requested: a token for a new password is an event without an actor');
select is(n.data::jsonb,
    (select jsonb_build_object('password_reset_id', r.id) from app.password_resets as r
     where r.token_hash = sha256(:'token')),
    'account.password_reset_requested: the event has the id, and not the token')
from pg_temp.newest() as n;
select count(*) from api.request_password_reset('unknown@clinic.test', '198.51.100.1') \g /dev/null
select is_empty('select pg_temp.new_events()',
    'account.password_reset_requested: a request for an unknown address is no event');
select pg_temp.sign_in('nobody');
select api.reset_password(:'token', pg_temp.hash('c')) \g /dev/null
select results_eq('select pg_temp.new_events()',
    array['account.password_changed patient by patient reset_password'],
    'account.password_changed: the function tells a reset from a change');

-- The second factor
select pg_temp.sign_in('patient');
select api.enrol_mfa('secret') \g /dev/null
select is_empty('select pg_temp.new_events()',
    'account.second_factor_changed: a secret that is not confirmed is no event');
select floor(extract(epoch from app.clock()) / 30)::bigint as step \gset
select api.confirm_mfa('secret', :step) \g /dev/null
select results_eq('select pg_temp.new_events()',
    array['account.second_factor_changed patient by patient confirm_mfa'],
    'account.second_factor_changed: a second factor in force is an event');
select is(n.data::jsonb, '{"is_in_force": true}',
    'account.second_factor_changed: the event says that it is in force') from pg_temp.newest() as n;
select pg_temp.sign_in('nobody');
select ops.remove_second_factor(pg_temp.id_of('patient')::text) \g /dev/null
select results_eq('select pg_temp.new_events()',
    array['account.second_factor_changed patient by nobody remove_second_factor'],
    'account.second_factor_changed: a removal by a DBA is an event');
select is(n.data::jsonb, '{"is_in_force": false}',
    'account.second_factor_changed: the event says that it is no longer in force')
from pg_temp.newest() as n;

-- Log-ins
select pg_temp.sign_in('nobody');
create function pg_temp.logged_in_from(p_email text, p_address text) returns setof text
language plpgsql
as $$
begin
    perform pg_temp.sign_in('nobody');
    -- The REST API calls it first. It counts the attempt.
    perform api.log_in_salt(p_email, 4, p_address);
    perform api.log_in(p_email, pg_temp.hash('a'), p_address => p_address);
    return query select * from pg_temp.new_events();
end;
$$;
select is_empty(
    $$ select pg_temp.logged_in_from('other_patient@clinic.test', '198.51.100.1') $$,
    'account.signed_in_on_new_device: the first log-in of an account is no event');
select is_empty(
    $$ select pg_temp.logged_in_from('other_patient@clinic.test', '198.51.100.1') $$,
    'account.signed_in_on_new_device: a second log-in from the same address is no event');
select results_eq(
    $$ select pg_temp.logged_in_from('other_patient@clinic.test', '198.51.100.2') $$,
    array['account.signed_in_on_new_device other_patient by other_patient log_in'],
    'account.signed_in_on_new_device: a log-in from another address is an event');
select is_empty(
    $$ select pg_temp.logged_in_from('other_patient@clinic.test', null) $$,
    'account.signed_in_on_new_device: a log-in without an address is no event');
select pg_temp.set_clock('2027-02-03 08:00:00+00');
select results_eq(
    $$ select pg_temp.logged_in_from('other_patient@clinic.test', '198.51.100.2') $$,
    array['account.signed_in_on_new_device other_patient by other_patient log_in'],
    'account.signed_in_on_new_device: an address is forgotten after 30 days');

-- The end and the return
select pg_temp.sign_in('admin');
select api.deactivate_user(pg_temp.id_of('other_patient')) \g /dev/null
select api.deactivate_user(pg_temp.id_of('other_patient')) \g /dev/null
select results_eq('select pg_temp.new_events()',
    array['account.deactivated other_patient by admin deactivate_user'],
    'account.deactivated: a deactivation is one event, also if it is repeated');
select api.activate_user(pg_temp.id_of('other_patient')) \g /dev/null
select results_eq('select pg_temp.new_events()',
    array['account.activated other_patient by admin activate_user'],
    'account.activated: the return of an account is an event');
select pg_temp.sign_in('patient');
select api.close_my_account(pg_temp.hash('c')) \g /dev/null
select results_eq('select pg_temp.new_events()',
    array['account.closed patient by patient close_my_account'],
    'account.closed: an account that its owner closes is an event of its own');
select is_empty(
    $$ select * from app.events as e where e.data::text ~ '\$2b\$' or e.data::text ~ 'secret' $$,
    'accounts_write_events: no event has a secret');

select * from finish();
rollback;
