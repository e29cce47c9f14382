/**
 * From a figure down to the bill's lines over HTTP, on a bill that was really staged and published; and that a pod is led to its
 * own lines only.
 */
import Value from 'typebox/value';
import { sql } from 'kysely';
import { describe, expect } from 'vitest';
import { ExplanationView, OriginExplanationView } from '../../api/schemas/charges.ts';
import { activateRulebook, prepareRulebook } from '../../services/attribution/activate-rulebook.ts';
import { explain } from '../../services/attribution/explain.ts';
import { attachLoad } from '../../services/billing/charge-partition.ts';
import { publishLoad } from '../../services/billing/publish-load.ts';
import { silentProgress, systemPrincipal } from '../../services/kernel/ports.ts';
import { startTestApi, type TestApi } from '../support/api.ts';
import { AT, pod, rulebook, store } from '../support/billed-charges.ts';
import { billLine, csvOf, makeBillFolder, stage, writeBill } from '../support/billing.ts';
import { test as base, type TestDatabase } from '../support/database.ts';

const RULES = rulebook(
  [
    {
      id: 'network',
      when: { serviceName: 'Network' },
      split: { method: 'fixed', among: ['checkout', 'search'], weights: { checkout: '1', search: '7' } },
    },
    { id: 'tag', when: { tag: { pod: { exists: true } } }, podFromTag: 'pod' },
  ],
  [pod('checkout'), pod('search')],
);

const LINES = [
  billLine({ BilledCost: '1.5', ResourceId: 'vm-checkout' }),
  billLine({ BilledCost: '777.25', ResourceId: 'vm-search', Tags: '{"pod": "search"}' }),
  billLine({ BilledCost: '80', ServiceName: 'Network', ResourceId: 'gateway', Tags: '' }),
  billLine({ BilledCost: '5.5', ResourceId: 'nobodys', Tags: '' }),
];
/** What only others may see: the other pod's money, line and share, the whole of shared cost, the bill's total. */
const FOREIGN = ['777.25', 'vm-search', '"80"', 'gateway', 'nobodys', '864.25', '"7"', '0.1250'];

interface Fixture extends TestApi {
  readonly database: TestDatabase;
  readonly workDir: string;
  originOf(resourceId: string): Promise<string>;
}

const test = base.extend('api', { scope: 'file' }, async ({ database }, { onCleanup }): Promise<Fixture> => {
  const folder = await makeBillFolder();
  const { db } = database;
  await sql`insert into pod (id, name, kind) values ('checkout', 'Checkout', 'delivery'), ('search', 'Search', 'delivery')`.execute(
    db,
  );
  const [load] = await stage(database, folder.path, [await writeBill(folder.path, 'september.csv', csvOf(LINES))]);
  const rulebookId = await db.transaction().execute((trx) => store(trx, RULES));
  await prepareRulebook(db, rulebookId, silentProgress);
  await db.transaction().execute((trx) => activateRulebook(trx, rulebookId, { at: AT, principal: systemPrincipal }));
  await attachLoad(db, load?.loadId ?? '');
  await publishLoad(db, load?.loadId ?? '', { at: AT, principal: systemPrincipal });
  const api = await startTestApi(database, folder.path);
  onCleanup(async () => {
    await api.close();
    await folder.remove();
  });
  return {
    ...api,
    database,
    workDir: folder.path,
    originOf: async (resourceId) => {
      const { rows } = await sql<{
        id: string;
      }>`select id::text as id from origin where resource_id = ${resourceId}`.execute(db);
      return rows[0]?.id ?? '';
    },
  };
});

test('an explanation is the command line’s document, byte for byte, and keeps its schema', async ({ api }) => {
  const headers = await api.authorise('finance');
  const originId = await api.originOf('vm-checkout');
  const options = { at: api.clock.now(), workDir: api.workDir, linesPerOrigin: 0 };
  const asked = [
    ['/api/v1/charges?podId=checkout&period=2026-09', { podId: 'checkout', period: '2026-09' }],
    ['/api/v1/charges?podId=&period=2026-Q3', { podId: null, period: '2026-Q3' }],
    ['/api/v1/charges?resourceId=gateway', { resourceId: 'gateway' }],
    [`/api/v1/charges?originId=${originId}`, { originId }],
  ] as const;
  for (const [url, request] of asked) {
    const answer = await api.app.inject({ url: `${url}&lines=0`, headers });
    expect(answer.statusCode, `${url}: ${answer.body}`).toBe(200);
    expect(answer.body, url).toBe(`${JSON.stringify(await explain(api.database.db, request, options), null, 2)}\n`);
    expect(Value.Check(ExplanationView, answer.json()), url).toBe(true);
  }
  const origin = await api.app.inject({ url: `/api/v1/origins/${originId}/explanation?lines=1`, headers });
  expect(origin.json()).toMatchObject({
    lines: [{ file: 'september.csv', record: 1, columns: { BilledCost: '1.5' } }],
  });
  expect([...Value.Errors(OriginExplanationView, origin.json())]).toEqual([]);
});

test('a question that asks for nothing, two things or something unknown is refused', async ({ api }) => {
  const headers = await api.authorise('finance');
  const refused: [string, number][] = [
    ['/api/v1/charges', 400],
    ['/api/v1/charges?podId=checkout', 400],
    ['/api/v1/charges?podId=checkout&period=2026-09&resourceId=gateway', 400],
    ['/api/v1/charges?originId=12%27', 400],
    ['/api/v1/charges?resourceId=unknown', 404],
    ['/api/v1/charges?podId=unknown&period=2026-09', 404],
    ['/api/v1/origins/99/explanation', 404],
    ['/api/v1/origins/99999999999999999999/explanation', 400],
    ['/api/v1/origins/9999999999999999999/explanation', 404],
  ];
  for (const [url, status] of refused) {
    const answer = await api.app.inject({ url, headers });
    expect(answer.statusCode, `${url}: ${answer.body}`).toBe(status);
    expect(answer.headers['content-type'], url).toContain('application/problem+json');
  }
});

describe('a pod’s token', () => {
  test('is led from its cost to its own lines', async ({ api }) => {
    const headers = await api.authorise('pod', { pods: ['checkout'] });
    const own = await api.app.inject({ url: '/api/v1/charges?podId=checkout&period=2026-09', headers });
    expect(own.json()).toMatchObject({
      podId: 'checkout',
      rules: [
        { ruleId: 'tag', kind: 'direct', billedCost: '1.5' },
        { ruleId: 'network', kind: 'shared', billedCost: '10', rule: null, share: null },
      ],
      origins: [{ resourceId: 'vm-checkout' }],
      lines: [{ record: 1, columns: { BilledCost: '1.5' } }],
    });
    const resource = await api.app.inject({ url: '/api/v1/charges?resourceId=vm-checkout', headers });
    expect(resource.json()).toMatchObject({ origins: [{ attributes: { resourceId: 'vm-checkout' } }] });
  });

  test('is never shown another pod’s lines, the whole of shared cost or the bill’s total', async ({ api }) => {
    const headers = await api.authorise('pod', { pods: ['checkout'] });
    const origins = await Promise.all(['vm-search', 'gateway', 'nobodys', 'vm-checkout'].map((id) => api.originOf(id)));
    const attempts = [
      '/api/v1/charges?podId=checkout&period=2026-09&lines=100',
      '/api/v1/charges?podId=search&period=2026-09',
      '/api/v1/charges?podId=&period=2026-09',
      '/api/v1/charges?resourceId=vm-search',
      '/api/v1/charges?resourceId=vm-checkout&lines=0',
      '/api/v1/charges?resourceId=gateway',
      '/api/v1/charges?resourceId=nobodys',
      ...origins.flatMap((id) => [
        `/api/v1/charges?originId=${id}&lines=0`,
        `/api/v1/origins/${id}/explanation?lines=100`,
      ]),
    ];
    const answered: string[] = [];
    for (const url of attempts) {
      const answer = await api.app.inject({ url, headers });
      if (answer.statusCode === 200) answered.push(url);
      else expect([403, 404], url).toContain(answer.statusCode);
      for (const secret of FOREIGN) expect(answer.body, `${url} shows ${secret}`).not.toContain(secret);
    }
    expect(answered).toHaveLength(4);
  });

  test('cannot tell another pod’s resource from one that does not exist', async ({ api }) => {
    const headers = await api.authorise('pod', { pods: ['checkout'] });
    const foreign = await api.app.inject({ url: '/api/v1/charges?resourceId=vm-search', headers });
    const unknown = await api.app.inject({ url: '/api/v1/charges?resourceId=vm-unknown', headers });
    const { instance: _one, ...first } = foreign.json<{ instance: string }>();
    const { instance: _two, ...second } = unknown.json<{ instance: string }>();
    expect(first).toEqual(second);
  });
});
