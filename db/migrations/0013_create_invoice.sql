-- What the providers asked to be paid, held against the bills; and the journals that carry the cost of a month into the ledger.

-- The current version of each invoice. A void one stays, and no report counts it.
create table invoice (
  source_id text not null references source (id),
  invoice_id text not null,
  version integer not null check (version > 0),
  state text not null check (state in ('issued', 'void')),
  issuer_name text,
  -- Null: the invoice is of every billing account of the source that no other invoice names.
  billing_account_id text,
  billing_period_start date not null,
  billing_period_end date not null,
  currency text not null check (currency ~ '^[A-Z]{3}$'),
  total numeric not null check (total > '-Infinity' and total < 'Infinity'),
  -- Parts of the total that the provider does not put into the bill, as they enter the total: a credit is below zero.
  credits_outside_bill numeric not null check (credits_outside_bill > '-Infinity' and credits_outside_bill < 'Infinity'),
  tax_outside_bill numeric not null check (tax_outside_bill > '-Infinity' and tax_outside_bill < 'Infinity'),
  -- Null: one minor unit of the currency.
  tolerance numeric check (tolerance >= 0 and tolerance < 'Infinity'),
  issued_on date,
  -- Of everything that is stated: the same content again changes nothing.
  content_digest text not null,
  stated_at timestamptz not null,
  stated_by text not null,
  primary key (source_id, invoice_id),
  check (billing_period_start < billing_period_end)
);
create index invoice_billing_period_start_idx on invoice (billing_period_start, billing_period_end);

create table invoice_version (
  source_id text not null,
  invoice_id text not null,
  version integer not null,
  -- The whole invoice as it was stated; money as decimal text.
  content jsonb not null,
  at timestamptz not null,
  principal text not null,
  primary key (source_id, invoice_id, version),
  foreign key (source_id, invoice_id) references invoice (source_id, invoice_id)
);

create function refuse_invoice_version_change() returns trigger language plpgsql as $$
begin
  raise exception 'the history of an invoice is append-only';
end;
$$;

create trigger invoice_version_append_only before update or delete on invoice_version
for each row execute function refuse_invoice_version_change();

-- The ledger's accounts, as the organisation file names them.
alter table organisation
  add column journal_expense_account text not null default 'cloud-expense',
  add column journal_unassigned_account text not null default 'cloud-unassigned',
  add column journal_unattributed_account text not null default 'cloud-unattributed',
  add column journal_clearing_account text not null default 'cloud-clearing';

-- A journal as it was exported: never changed, so that it can be repeated byte for byte and reversed exactly.
create table journal (
  id integer generated always as identity primary key,
  purpose text not null check (purpose in ('chargeback', 'showback')),
  -- final: of an approved statement; preliminary: of a month that is still open.
  state text not null check (state in ('final', 'preliminary')),
  period_id text not null,
  period_start date not null,
  period_end date not null,
  cost_metric text not null check (cost_metric in ('BilledCost', 'EffectiveCost', 'ListCost', 'ContractedCost')),
  statement_id integer references statement (id),
  -- Why a month was charged back before it was closed.
  forced_reason text,
  reverses_id integer unique references journal (id),
  -- Of the lines: an open month that has not moved is the same journal again.
  content_digest text not null,
  created_at timestamptz not null,
  created_by text not null,
  check (period_start < period_end),
  check ((state = 'final') = (statement_id is not null)),
  check (state = 'final' or purpose = 'showback' or forced_reason is not null)
);
create index journal_period_start_idx on journal (period_start, purpose);
-- A statement is exported once for each purpose; asked again, it is the same journal.
create unique index journal_statement_id_idx on journal (statement_id, purpose) where reverses_id is null;

create table journal_line (
  journal_id integer not null references journal (id),
  ordinal integer not null check (ordinal > 0),
  -- The billing account the invoice is to; null where the bill names none.
  entity text,
  currency text not null check (currency ~ '^[A-Z]{3}$'),
  account text not null,
  cost_centre text,
  -- Of a prior-period adjustment: the statement of the closed month it corrects.
  adjusts_id integer references statement (id),
  -- Whose cost it is; empty on the clearing line and for the unattributed.
  pod_ids text[] not null,
  side text not null check (side in ('debit', 'credit')),
  -- At the decimals of the currency.
  amount numeric not null check (amount > 0 and amount < 'Infinity'),
  text text not null,
  primary key (journal_id, ordinal)
);

create function refuse_journal_change() returns trigger language plpgsql as $$
begin
  raise exception 'an exported journal never changes; reverse it';
end;
$$;

create trigger journal_append_only before update or delete on journal
for each row execute function refuse_journal_change();
create trigger journal_line_append_only before update or delete on journal_line
for each row execute function refuse_journal_change();

-- Debits equal credits for each entity and currency, checked when the transaction ends.
create function check_journal_balance() returns trigger language plpgsql as $$
declare
  unbalanced record;
begin
  select entity, currency into unbalanced from journal_line where journal_id = new.journal_id
  group by entity, currency
  having coalesce(sum(amount) filter (where side = 'debit'), 0) <> coalesce(sum(amount) filter (where side = 'credit'), 0)
  limit 1;
  if found then
    raise exception 'journal % does not balance for entity % in %', new.journal_id, unbalanced.entity, unbalanced.currency
      using errcode = 'check_violation';
  end if;
  return null;
end;
$$;

create constraint trigger journal_line_balances after insert on journal_line
deferrable initially deferred for each row execute function check_journal_balance();
