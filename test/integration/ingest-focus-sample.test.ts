/** The public FOCUS 1.0 sample, as its publisher wrote it: null spelled NULL, times without a zone, tag keys with stray spaces, an extra column. */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { describeLoads } from '../../services/billing/describe-load.ts';
import type { RegisteredLoad } from '../../services/billing/register-delivery.ts';
import { makeBillFolder, stage } from '../support/billing.ts';
import { test } from '../support/database.ts';
import { isAvailable, realBills } from '../support/requirements.ts';

describe.runIf(isAvailable('bills'))('the FOCUS sample', () => {
  let folder: Awaited<ReturnType<typeof makeBillFolder>>;
  let loads: RegisteredLoad[];
  beforeAll(async () => {
    folder = await makeBillFolder();
  });
  afterAll(() => folder.remove());

  test('is two loads with the known lines and sums', async ({ database }) => {
    loads = await stage(database, folder.path, [join(realBills(), 'focus-sample-1.0', 'focus_sample.csv')]);
    const described = await describeLoads(
      database.db,
      loads.map((load) => load.loadId),
    );
    expect(described.loads.map(({ billingPeriod, rows, state }) => ({ billingPeriod, rows, state }))).toEqual([
      { billingPeriod: '2024-09', rows: 999, state: 'staged' },
      { billingPeriod: '2024-10', rows: 1, state: 'staged' },
    ]);
    const { rows } =
      await database.pool.query(`select billing_currency, sum(row_count)::int as lines, trim_scale(sum(billed_cost))::text as billed,
      trim_scale(sum(effective_cost))::text as effective, trim_scale(sum(list_cost))::text as list, trim_scale(sum(contracted_cost))::text as contracted
      from load_total group by 1`);
    expect(rows).toEqual([
      {
        billing_currency: 'USD',
        lines: 1000,
        billed: '20.52022672899',
        effective: '14.97651418586',
        list: '20.39090575119',
        contracted: '14.97626039326',
      },
    ]);
  });

  test('keeps provider, category and tags of every line', async ({ database }) => {
    const [september, october] = loads;
    const charges = `(select * from charge_${september?.loadId} union all select * from charge_${october?.loadId})`;
    const byProvider = await database.pool.query(
      `select provider_name, sum(line_count)::int as lines from ${charges} as c join origin on origin.id = origin_id group by 1 order by 1`,
    );
    expect(byProvider.rows).toEqual([
      { provider_name: 'AWS', lines: 942 },
      { provider_name: 'Microsoft', lines: 51 },
      { provider_name: 'Oracle', lines: 7 },
    ]);
    const byCategory = await database.pool.query(
      `select charge_category, sum(line_count)::int as lines from ${charges} as c join origin on origin.id = origin_id group by 1 order by 1`,
    );
    expect(byCategory.rows).toEqual([
      { charge_category: 'Adjustment', lines: 2 },
      { charge_category: 'Credit', lines: 1 },
      { charge_category: 'Usage', lines: 997 },
    ]);
    const strayKeys = await database.pool.query(
      `select count(*)::int as origins from origin, jsonb_object_keys(tags) as key where key <> btrim(key) and not folded_tags ? lower(btrim(key))`,
    );
    expect(strayKeys.rows).toEqual([{ origins: 0 }]);
  });
});
