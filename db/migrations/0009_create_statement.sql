-- Closed periods. A statement freezes what a fiscal month or quarter came to: a document that never changes by a byte, chained to
-- the one before, and, for months, the rows the reports of closed days are made of from then on.

create table statement (
  id integer generated always as identity primary key,
  kind text not null check (kind in ('month', 'quarter')),
  period_id text not null,
  period_start date not null,
  period_end date not null,
  state text not null check (state in ('prepared', 'approved', 'discarded')),
  -- The statement it takes the place of, and why; both are kept.
  supersedes_id integer references statement (id),
  reissue_reason text,
  -- Why it was closed although a source was missing, late or not final.
  forced_reason text,
  -- The instant whose knowledge it holds, and the counter of figures then.
  known_at timestamptz not null,
  figures_version bigint not null,
  rulebook_id integer not null references rulebook (id),
  currency text not null,
  cost_metric text not null,
  -- Canonical JSON, kept as the text that was hashed.
  document text not null,
  document_hash text not null,
  prepared_by text not null,
  prepared_at timestamptz not null,
  approved_by text,
  approved_at timestamptz,
  -- Place in the chain, given at approval: hash = SHA-256 over the hash before, the document's hash and who did what when.
  ordinal integer unique,
  previous_hash text,
  hash text unique,
  check (period_start < period_end),
  check ((supersedes_id is null) = (reissue_reason is null)),
  check ((state = 'approved') = (ordinal is not null)),
  check (num_nulls(approved_by, approved_at, ordinal, previous_hash, hash) in (0, 5)),
  check (approved_by <> prepared_by)
);
create index statement_period_start_idx on statement (period_start, period_end);
