begin;
\ir ../helpers/actors.psql
\ir ../helpers/invariants.psql
select plan(6);

insert into broken (sentence, report, sql)
select v.sentence, v.report,
    format($$
        insert into app.payments
            (consultation_id, kind, refunded_payment_id, amount_minor, currency, method)
        values (%L, %L, %L, %L, 'EUR', 'card') $$,
        :'completed', v.kind, v.refunded, v.amount)
from (values
    ('payments above the fee are reported', 'payment', null, 1001,
     format('payments_never_exceed_the_fee 1 {%s}', :'completed')),
    ('payments up to the fee are not reported', 'payment', null, 1000, 'nothing'),
    ('refunds above their payment are reported', 'refund', :'payment', 4001,
     format('refunds_never_exceed_their_payment 1 {%s}', :'payment')),
    ('refunds up to their payment are not reported', 'refund', :'payment', 4000, 'nothing'))
    as v (sentence, kind, refunded, amount, report);
insert into broken (sentence, report, sql)
values (
    'two payments of one transaction of a provider are reported',
    format('a_provider_transaction_is_recorded_once 2 {%s,ffffffff-ffff-7fff-bfff-ffffffffffff}', :'payment'),
    format($$
        drop index app.payments_of_a_provider_are_recorded_once;
        update app.payments set provider = 'acme', provider_reference = 'tx' where id = %L;
        insert into app.payments (id, consultation_id, kind, amount_minor, currency, method,
            provider, provider_reference)
        values ('ffffffff-ffff-7fff-bfff-ffffffffffff', %L, 'payment', 100, 'EUR', 'card', 'acme',
            'tx') $$, :'payment', :'scheduled'));

select is(pg_temp.report_on(b.sql, b.triggers, b.traces), b.report, b.sentence)
from broken as b order by b.n;
select is_empty(
    $$ select * from pg_temp.unbroken('app.payments_invariants') $$,
    'every invariant of payments is broken by a case');

select * from finish();
rollback;
