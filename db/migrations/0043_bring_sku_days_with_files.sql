-- Days of SKUs come with each file of a load, as its charges do, and are no longer summed from them when staging ends. Loads that are being
-- staged have those of the files that are staged already from here.
select fill_load_sku_day(id) from load where state = 'staging';
drop function fill_load_sku_day(bigint);
comment on table load_sku_day is
  'Charges of a load by day and SKU. Several rows may be of one day and SKU, of several files or lines; a quantity is null where one of its charges has none.';
