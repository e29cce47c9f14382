-- What a load is made of, beside its charges: its origins with their money by charge month (what an explanation ranks and what tells
-- which charges to look up), its scopes (whose bill it is), where it overlaps another source's bill, and whether it was invoiced.

-- One row per origin, charge month and currency; the load's totals are its sums. Rows of a load are immutable.
create table load_origin (
  load_id bigint not null,
  origin_id bigint not null,
  charge_month date not null,
  billing_currency text not null,
  billed_cost numeric not null,
  effective_cost numeric not null,
  list_cost numeric not null,
  contracted_cost numeric not null,
  line_count bigint not null
);
-- A key over all columns would cost as much as the sums themselves; what writes them groups by it, in the order of this index.
create index load_origin_load_id_origin_id_idx on load_origin (load_id, origin_id);

-- Whose usage a load bills. sub_account_id null: what belongs to the billing account as a whole, such as tax.
create table load_scope (
  load_id bigint not null references load (id),
  provider_name text not null,
  billing_account_id text not null,
  sub_account_id text,
  constraint load_scope_key unique nulls not distinct (load_id, provider_name, billing_account_id, sub_account_id)
);

-- Two published loads of different sources that bill the same service of the same account on the same charge dates: what of it may be
-- counted twice, which is the lesser of both sides, day by day. Written when the later of them is published; counts while both do.
create table load_overlap (
  load_id bigint not null references load (id),
  other_load_id bigint not null references load (id),
  provider_name text not null,
  billing_account_id text not null,
  sub_account_id text,
  first_charge_date date not null,
  last_charge_date date not null,
  billing_currency text not null,
  billed_cost numeric not null,
  effective_cost numeric not null,
  list_cost numeric not null,
  contracted_cost numeric not null,
  -- Charges that both loads have, the same to the last decimal: more than a few mean one bill delivered twice.
  same_charge_count bigint not null,
  constraint load_overlap_key
    unique nulls not distinct (load_id, other_load_id, provider_name, billing_account_id, sub_account_id, billing_currency)
);
create index load_overlap_other_load_id_idx on load_overlap (other_load_id);

-- Charges without an invoice id, null until staging is closed. A provider writes the id when it issues the invoice: a load with
-- none left is final.
alter table load add column uninvoiced_charge_count bigint;
-- The load whose files this delivery was added to; null for a delivery that brings the whole billing period.
alter table load add column appended_to_load_id bigint references load (id);
