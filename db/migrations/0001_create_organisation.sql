-- The organisation as the product knows it: rulebooks (immutable, numbered), the files that were applied, pods, portfolios,
-- sources and the exchange rates. Rulebook 0 has no rules: bills can be ingested before any organisation file exists.

create table rulebook (
  id integer primary key,
  digest text not null unique,
  content jsonb not null,
  created_at timestamptz not null default now(),
  created_by text not null
);

insert into rulebook (id, digest, content, created_by)
values (0, '50db01715134ad6faf72ff524fc4578b46ef1587d769bc8b12cd125a2002e227', '{"rules": [], "pods": [], "portfolios": [], "tags": {"fold": true, "keys": {}}, "defaultBasis": "EffectiveCost"}', 'outturn');

-- One row: the settings of the last applied file, the rulebook in force, and a counter that every change of a figure raises.
create table organisation (
  singleton boolean primary key default true check (singleton),
  name text not null,
  reporting_currency text not null check (reporting_currency ~ '^[A-Z]{3}$'),
  cost_metric text not null check (cost_metric in ('BilledCost', 'EffectiveCost', 'ListCost', 'ContractedCost')),
  fiscal_year_start_month integer not null check (fiscal_year_start_month between 1 and 12),
  fiscal_year_named_by text not null check (fiscal_year_named_by in ('start', 'end')),
  time_zone text not null,
  holidays date[] not null,
  revenue_basis text not null check (revenue_basis in ('margin', 'gross')),
  fx_policy text not null check (fx_policy in ('daily', 'month-average')),
  fx_carry_days integer not null check (fx_carry_days >= 0),
  finance_channel text,
  operators_channel text,
  rulebook_id integer not null references rulebook (id),
  figures_version bigint not null default 0
);

insert into organisation
  (name, reporting_currency, cost_metric, fiscal_year_start_month, fiscal_year_named_by, time_zone, holidays, revenue_basis, fx_policy, fx_carry_days, rulebook_id)
values ('', 'USD', 'EffectiveCost', 1, 'start', 'UTC', '{}', 'margin', 'daily', 7, 0);

create table applied_file (
  id integer generated always as identity primary key,
  source_text text not null,
  content jsonb not null,
  rulebook_id integer not null references rulebook (id),
  applied_at timestamptz not null,
  applied_by text not null
);

create table portfolio (
  id text primary key,
  name text not null,
  owner_email text,
  finance_partner_email text,
  slack_channel text,
  removed_at timestamptz
);

-- Pods of the rulebook in force. A pod that leaves the file keeps its row: its figures and outcomes still name it.
create table pod (
  id text primary key,
  name text not null,
  kind text not null check (kind in ('delivery', 'platform', 'central')),
  portfolio_id text references portfolio (id),
  owner_email text,
  finance_partner_email text,
  cost_centre text,
  slack_channel text,
  active_from date,
  active_until date,
  removed_at timestamptz
);

create table source (
  id text primary key,
  kind text not null,
  settings jsonb not null default '{}',
  expect_every text,
  settle_after text,
  removed_at timestamptz
);

insert into source (id, kind) values ('files', 'focus-files');

-- As published: one unit of base is `rate` units of quote.
create table fx_rate (
  rate_date date not null,
  base_currency text not null check (base_currency ~ '^[A-Z]{3}$'),
  quote_currency text not null check (quote_currency ~ '^[A-Z]{3}$'),
  rate numeric not null check (rate > 0 and rate < 'Infinity'),
  file_name text not null,
  primary key (base_currency, quote_currency, rate_date)
);

-- Resolved once from fx_rate (direct, inverse, or one hop through the file's base) at 15 decimals, then used unchanged.
create table conversion_rate (
  from_currency text not null,
  to_currency text not null,
  on_date date not null,
  rate numeric not null check (rate > 0 and rate < 'Infinity'),
  published_on date not null,
  path text not null,
  primary key (from_currency, to_currency, on_date)
);
