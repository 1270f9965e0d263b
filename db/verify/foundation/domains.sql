-- Verify telemed:foundation/domains on pg

begin;

select null::app.instant;
select null::app.line;
select null::app.prose;
select null::app.code;
select null::app.email;
select null::app.bcrypt_hash;
select null::app.amount_minor;
select null::app.currency;
select null::app.language;
select null::app.https_url;
select null::app.idempotency_key;

rollback;
