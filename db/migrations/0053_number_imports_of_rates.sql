-- Imports of exchange rates that changed some, numbered. A conversion says of which it was resolved: one of an earlier number was resolved beside an
-- import that had not ended, which could not forget it, and is forgotten by whoever looks next.
create table fx_import (
  version bigint generated always as identity primary key,
  imported_at timestamptz not null default now()
);

alter table conversion_rate add column rates_version bigint not null default 0;
create index conversion_rate_rates_version_idx on conversion_rate (rates_version);

-- What closed months booked of an outcome, without reading every booking.
create index statement_adjustment_outcome_id_idx on statement_adjustment (outcome_id) where outcome_id is not null;
