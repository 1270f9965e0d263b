-- Revert telemed:foundation/domains from pg

begin;

drop domain app.idempotency_key;
drop domain app.https_url;
drop domain app.language;
drop domain app.currency;
drop domain app.amount_minor;
drop domain app.bcrypt_hash;
drop domain app.email;
drop domain app.code;
drop domain app.prose;
drop domain app.line;
drop domain app.instant;

commit;
