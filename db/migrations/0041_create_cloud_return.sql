-- The CIO's quarter: what its cost bridge reads, and the whole of it as a closed quarter was handed out.

-- A load's charges by day and SKU with their quantities, whatever pod they belong to: a bridge tells usage from rate by them without
-- reading a charge. A few thousand rows a day at most. Rows of a load are immutable.
create table load_sku_day (
  load_id bigint not null,
  charge_date date not null,
  provider_name text,
  service_name text,
  charge_category text,
  -- What a commitment was bought for, or left unused.
  is_commitment boolean not null,
  sku_id text,
  consumed_unit text,
  billing_currency text not null,
  -- Null where one of the charges has none.
  consumed_quantity numeric,
  billed_cost numeric not null,
  effective_cost numeric not null,
  list_cost numeric not null,
  contracted_cost numeric not null
);
create index load_sku_day_load_id_charge_date_idx on load_sku_day (load_id, charge_date);

-- Reads the load's own table, which need not be a partition of charge yet. Few sums of many charges: by hashing, for a sort would be by texts.
create function fill_load_sku_day(p_load_id bigint) returns void language plpgsql set enable_sort = off as $$
begin
  if to_regclass('charge_' || p_load_id) is null then return;
  end if;
  execute format('
    insert into load_sku_day
    select %1$s, charge_date, provider_name, service_name, charge_category,
      coalesce(commitment_discount_status = ''Unused'', false) or (charge_category = ''Purchase'' and commitment_discount_id is not null),
      sku_id, consumed_unit, billing_currency, case when bool_and(consumed_quantity is not null) then trim_scale(sum(consumed_quantity)) end,
      trim_scale(sum(billed_cost)), trim_scale(sum(effective_cost)), trim_scale(sum(list_cost)), trim_scale(sum(contracted_cost))
    from charge_%1$s as charge join origin on origin.id = charge.origin_id
    group by 2, 3, 4, 5, 6, 7, 8, 9', p_load_id);
end;
$$;

select fill_load_sku_day(id) from load where state in ('staged', 'published', 'superseded') and charges_dropped_at is null;

-- The cloud return of a closed quarter as JSON, kept when the quarter was closed: envelopes, alerts, drift and claims go on moving,
-- and what a board was handed does not.
create table statement_cloud_return (
  statement_id integer primary key references statement (id),
  content text not null
);
create trigger statement_cloud_return_is_final before update or delete on statement_cloud_return
for each row execute function refuse_statement_change();
