-- What a report needs to be replayed as it was known at an instant, where the rows in force do not tell: the exchange rates that were
-- corrected since, and where each envelope stood. And the plans that were applied, with who applied them and when.

alter table fx_rate add column known_from timestamptz not null default '-infinity';

-- Rates that were known for a while and then corrected. What is known now is in fx_rate.
create table former_fx_rate (
  rate_date date not null,
  base_currency text not null,
  quote_currency text not null,
  rate numeric not null check (rate > 0 and rate < 'Infinity'),
  file_name text not null,
  known_from timestamptz not null,
  known_until timestamptz not null
);
create index former_fx_rate_known_until_idx on former_fx_rate (known_until);

-- Every standing of an envelope that differed from the one before, as its evaluation found it.
create table envelope_standing (
  envelope_id bigint not null references envelope (id),
  evaluated_at timestamptz not null,
  ordinal bigint generated always as identity,
  version integer not null,
  actual numeric check (actual > '-Infinity' and actual < 'Infinity'),
  rung text,
  primary key (envelope_id, evaluated_at, ordinal)
);

insert into envelope_standing (envelope_id, evaluated_at, version, actual, rung)
select envelope_id, evaluated_at, version, actual, rung from envelope_state;

-- Written where the state is written, whoever writes it.
create function keep_envelope_standing() returns trigger language plpgsql as $$
begin
  insert into envelope_standing (envelope_id, evaluated_at, version, actual, rung)
  values (new.envelope_id, new.evaluated_at, new.version, new.actual, new.rung);
  return null;
end;
$$;

create trigger envelope_standing_first after insert on envelope_state
for each row execute function keep_envelope_standing();
create trigger envelope_standing_moved after update on envelope_state
for each row when ((old.version, old.actual, old.rung) is distinct from (new.version, new.actual, new.rung))
execute function keep_envelope_standing();

-- What the file of this number changed and moved, in money, told within its own transaction. Canonical JSON, money as text. Who applied
-- it and when stands with the file.
create table applied_plan (
  applied_file_id integer primary key references applied_file (id),
  -- The counter of figures that it was told on.
  figures_version bigint not null,
  content text not null
);
