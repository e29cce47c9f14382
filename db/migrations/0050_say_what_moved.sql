-- What each change of figures may have moved, so that closed months are compared anew only there. A version of figures without a row, or with
-- `moved_anything`, has all of them compared.
create table figures_change (
  figures_version bigint primary key,
  moved_anything boolean not null,
  -- First days of the months whose cost may have moved.
  charge_months date[] not null,
  -- The outcomes whose value may have moved.
  outcome_ids bigint[] not null
);

-- One outcome of all closed months, without reading what they froze of the others.
create index statement_value_outcome on statement_value (outcome_id);
