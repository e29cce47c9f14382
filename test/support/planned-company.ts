/** A company with a file in force and a bill under it, for plans: small enough that what a plan moves is worked out by hand. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Kysely, sql } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { attachLoad } from '../../services/billing/charge-partition.ts';
import { publishLoad } from '../../services/billing/publish-load.ts';
import { localOperator, systemPrincipal } from '../../services/kernel/ports.ts';
import { applyOrganisation } from '../../services/organisation/apply-organisation.ts';
import { planInMoney } from '../../services/organisation/plan-in-money.ts';
import { parseOrganisation } from '../../services/organisation/read-organisation-file.ts';
import { insertOrigin, insertStagedLoad } from './billed-charges.ts';
import { createTemplate, createTestDatabase, test as base } from './database.ts';

/** When files are applied and bills published. */
export const AT = new Date('2026-10-02T09:00:00Z');
/** When plans are made. */
export const LATER = new Date('2026-10-03T09:00:00Z');
export const RATES = 'date,base,quote,rate\n2026-08-31,EUR,USD,1.1\n2026-09-10,EUR,USD,1.2\n';
export const FILE = `organisation: Acme
fx: { files: [ecb.csv], carryDays: 30 }
pods:
  - { id: checkout }
  - { id: search }
rules:
  - { id: network, when: { serviceName: Network }, split: { method: even, among: all } }
  - { id: team, when: { tag: { team: { exists: true } } }, podFromTag: team }
`;
/** The file with a rule for what nobody has. */
export const WITH_QUEUES = `${FILE}  - { id: queues, when: { serviceName: Queue }, pod: search }\n`;

type Charges = Parameters<typeof insertStagedLoad>[1]['charges'];

export interface PlannedCompany {
  readonly db: Kysely<DB>;
  /** Of the lines that no rule of the file takes. */
  readonly queueOrigin: string;
  /** What the file would move, at these rates. */
  plan(text: string, rates?: string): ReturnType<typeof planInMoney>;
  apply(text: string, rates?: string): ReturnType<typeof applyOrganisation>;
  /** A bill that is loaded and not published; its load. */
  stage(charges: Charges): Promise<string>;
}

/** The file in force, and the bill that every plan is about. */
async function foundCompany(db: Kysely<DB>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'outturn-plan-'));
  await applyText(db, folder, FILE);
  await rm(folder, { recursive: true, force: true });
  const shop = await insertOrigin(db, { service_name: 'Compute', tags: { team: 'checkout' } });
  const finder = await insertOrigin(db, { service_name: 'Storage', tags: { team: 'search' } });
  const network = await insertOrigin(db, { service_name: 'Network' });
  const queue = await insertOrigin(db, { provider_name: 'AWS', service_name: 'Queue', resource_id: 'queue-1' });
  const loadId = await stage(db, [
    { originId: shop, date: '2026-09-01', billed: '28' },
    { originId: finder, date: '2026-09-02', billed: '36' },
    { originId: network, date: '2026-09-03', billed: '18' },
    { originId: queue, date: '2026-09-12', billed: '5', currency: 'EUR' },
    { originId: queue, date: '2026-08-31', billed: '0.01' },
  ]);
  await publishLoad(db, loadId, { at: AT, principal: systemPrincipal });
  return queue;
}

const fileOf = (text: string, folder: string) => ({
  organisation: parseOrganisation(text),
  sourceText: text,
  folder,
});

async function applyText(db: Kysely<DB>, folder: string, text: string, rates = RATES) {
  await writeFile(join(folder, 'ecb.csv'), rates);
  return applyOrganisation(db, { file: fileOf(text, folder), principal: localOperator, at: AT });
}

async function stage(db: Kysely<DB>, charges: Charges): Promise<string> {
  const loadId = await insertStagedLoad(db, { charges });
  await attachLoad(db, loadId);
  return loadId;
}

/** `test` with a company of its own for each test, copied from one that was founded once. */
export const test = base
  .extend('founded', { scope: 'file' }, async ({}, { onCleanup }) => {
    const { template, facts: queueOrigin, drop } = await createTemplate(({ db }) => foundCompany(db));
    onCleanup(drop);
    return { template, queueOrigin };
  })
  .extend('company', async ({ founded: { template, queueOrigin } }, { onCleanup }): Promise<PlannedCompany> => {
    const { db, drop } = await createTestDatabase({ template });
    const folder = await mkdtemp(join(tmpdir(), 'outturn-plan-'));
    onCleanup(async () => {
      await rm(folder, { recursive: true, force: true });
      await drop();
    });
    return {
      db,
      queueOrigin,
      apply: (text, rates) => applyText(db, folder, text, rates),
      stage: (charges) => stage(db, charges),
      plan: async (text, rates = RATES) =>
        planInMoney(db, { file: fileOf(text, folder), rates: [{ name: 'ecb.csv', text: rates }], at: LATER }),
    };
  });

/** Cost by pod and month, from the figures themselves. */
export async function readFigures(db: Kysely<DB>): Promise<Record<string, string>> {
  const { rows } = await sql<{ name: string; cost: string }>`
    select to_char(charge_date, 'YYYY-MM') || ' ' || coalesce(pod_id, 'nobody') as name,
      trim_scale(sum(effective_cost * case billing_currency when 'EUR' then 1.2 else 1 end))::text as cost
    from pod_day where kind <> 'owned' group by 1
  `.execute(db);
  return Object.fromEntries(rows.map(({ name, cost }) => [name, cost]));
}
