/** Platform pods: whom they served by outcomes that name them and by shared cost, in the period only; what nobody measured is not assessed. */
import { sql } from 'kysely';
import { expect } from 'vitest';
import { sumMonthsOf } from '../support/cost-fixtures.ts';
import { enablingReport } from '../../services/enabling/enabling-report.ts';
import { enablingTable } from '../../services/enabling/enabling-table.ts';
import { csvOf } from '../../services/sheets/report-table.ts';
import { test as base } from '../support/database.ts';
import { seedTwoPods } from '../support/two-pods.ts';

const test = base.extend('seeded', { scope: 'file' }, async ({ database }) => {
  await seedTwoPods(database.db);
  await sql`
    insert into pod (id, name, kind, active_until) values
      ('network', 'Network', 'platform', null), ('idle', 'Idle', 'platform', null), ('gone', 'Gone', 'platform', '2026-01-01')
  `.execute(database.db);
  await sql`update shared_cost set owner_pod_id = 'network'`.execute(database.db);
  await sumMonthsOf(database.db, ['2026-09-05']);
  await sql`insert into outcome_enabler (outcome_id, pod_id) select id, 'network' from outcome where title <> 'Paid faster'`.execute(
    database.db,
  );
  return database;
});

test('a platform pod served the pods whose outcomes name it and those that carry its cost, whole months and days alike', async ({
  seeded,
}) => {
  const served = [
    { podId: 'checkout', outcomes: 1, carriesShare: true },
    { podId: 'search', outcomes: 2, carriesShare: true },
  ];
  for (const period of ['2026-09', '2026-Q3', '2026-08-10..2026-09-06', '2026-09-05..2026-10-02']) {
    const { pods } = await enablingReport(seeded.db, { period });
    expect(
      pods.map(({ podId }) => podId),
      period,
    ).toEqual(['idle', 'network']);
    expect(pods[1], period).toMatchObject({ return: null, returnNote: 'enabling', outcomes: 2, served });
  }
});

test('what is outside the period, or no longer counts, is not served in it', async ({ seeded }) => {
  const later = await enablingReport(seeded.db, { period: '2026-09-06..2026-10-01' });
  expect(later.pods[1]).toMatchObject({ outcomes: 0, served: [] });
  const trx = await seeded.db.startTransaction().execute();
  await sql`update outcome set state = 'retracted', state_reason = 'rolled back'`.execute(trx);
  const [, network] = (await enablingReport(trx, { period: '2026-09' })).pods;
  await trx.rollback().execute();
  expect(network?.served).toEqual([
    { podId: 'checkout', outcomes: 0, carriesShare: true },
    { podId: 'search', outcomes: 0, carriesShare: true },
  ]);
});

test('what needs delivery data is not assessed, never nothing', async ({ seeded }) => {
  const report = await enablingReport(seeded.db, { period: '2026-09' });
  expect(report.pods[0]?.timeToProductive).toEqual({ value: null, note: 'not assessed: no delivery data' });
  expect(csvOf(enablingTable(report)).split('\r\n').slice(1)).toEqual([
    '2026-09,idle,Idle,,n/a: enabling,0,0,,,,not assessed: no delivery data,not assessed: no delivery data',
    '2026-09,network,Network,,n/a: enabling,2,2,checkout,1,yes,not assessed: no delivery data,not assessed: no delivery data',
    '2026-09,network,Network,,n/a: enabling,2,2,search,2,yes,not assessed: no delivery data,not assessed: no delivery data',
    '',
  ]);
});
