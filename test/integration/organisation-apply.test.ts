/**
 * Plan and apply against a real database: what an organisation file changes, what it leaves alone, and where it stops. Each test
 * has an organisation of its own making; nothing is shared between tests but the empty database they begin with.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Kysely, sql } from 'kysely';
import { describe, expect } from 'vitest';
import type { DB } from '../../db/schema.gen.ts';
import { currentRulebook } from '../../services/attribution/store-rulebook.ts';
import { setEnvelope } from '../../services/envelopes/set-envelope.ts';
import { decimal } from '../../services/kernel/decimal.ts';
import type { Principal } from '../../services/kernel/ports.ts';
import { checkOrganisationFile } from '../../cli/doctor-checks.ts';
import { ensureSource } from '../../services/billing/ensure-source.ts';
import { applyOrganisation } from '../../services/organisation/apply-organisation.ts';
import { describePlan } from '../../services/organisation/describe-plan.ts';
import { hasRulebook, planOrganisation } from '../../services/organisation/plan-organisation.ts';
import { parseOrganisation, type ReadOrganisation } from '../../services/organisation/read-organisation-file.ts';
import { test as base, createTestDatabase } from '../support/database.ts';

const OPERATOR: Principal = { id: 'local operator', role: 'operator', pods: [] };
const AT = new Date('2026-10-02T09:00:00Z');
const LATER = new Date('2026-10-03T09:00:00Z');

const BASE = `organisation: Acme
reporting: { currency: USD }
portfolios: [{ id: commerce, name: Commerce, financePartner: grace@example.com, delegatedRaise: { limit: 5000.50, currency: USD } }]
pods:
  - { id: checkout, name: Checkout, portfolio: commerce, owner: ada@example.com, slackChannel: C1 }
  - { id: search, channel: 'mailto:search@example.com', owner: [{ value: bob@example.com }, { value: eve@example.com, from: 2026-10-01 }] }
envelopes:
  - { scope: { pod: checkout }, period: 2026-Q4, limit: "50000.00", currency: USD, approvedBy: grace@example.com }
rules:
  - { id: tagged, when: { tag: { pod: { exists: true } } }, podFromTag: pod }
  - { id: aws, when: { provider: AWS }, pod: checkout }
`;

function fileOf(text: string, folder = '/nowhere'): ReadOrganisation {
  return { organisation: parseOrganisation(text), sourceText: text, folder };
}

/** Applying commits, so every test has a database to itself. */
const test = base.extend('db', async ({}, { onCleanup }): Promise<Kysely<DB>> => {
  const { db, drop } = await createTestDatabase();
  onCleanup(drop);
  return db;
});

async function apply(db: Kysely<DB>, text: string, at = AT, folder?: string) {
  return applyOrganisation(db, { file: fileOf(text, folder), principal: OPERATOR, at });
}

async function count(
  db: Kysely<DB>,
  table: 'applied_file' | 'rulebook' | 'audit_event' | 'envelope_version',
): Promise<number> {
  const { rows } = await sql<{ n: number }>`select count(*)::int as n from ${sql.table(table)}`.execute(db);
  return rows[0]?.n ?? -1;
}

/** What an approver grants in the product: a further version of the checkout's envelope. */
async function grant(db: Kysely<DB>, limit: string): Promise<void> {
  const principal: Principal = { id: 'grace@example.com', role: 'finance', pods: [] };
  const scope = { kind: 'pod', id: 'checkout' } as const;
  await setEnvelope(db, {
    scope,
    period: '2026-Q4',
    limit: decimal(limit),
    currency: 'USD',
    principal,
    via: 'api',
    at: AT,
  });
}

async function currentLimit(db: Kysely<DB>): Promise<string | undefined> {
  const { rows } = await sql<{ text: string }>`
    select trim_scale(envelope_limit)::text as text from envelope_version order by version desc limit 1
  `.execute(db);
  return rows[0]?.text;
}

describe('the first file', () => {
  test('becomes rulebook 1 with its pods, portfolios, sources and envelopes', async ({ db }) => {
    expect(await hasRulebook(db)).toBe(false);
    const result = await apply(db, BASE);
    expect(result).toMatchObject({ unchanged: false, rulebookId: 1, changedEnvelopes: 1, plan: { isFirst: true } });
    expect(await hasRulebook(db)).toBe(true);
    expect((await currentRulebook(db)).content.rules.map(({ id }) => id)).toEqual(['tagged', 'aws']);
    const { rows } =
      await sql`select id, name, kind, portfolio_id, owner_email, slack_channel from pod order by id`.execute(db);
    expect(rows).toEqual([
      {
        id: 'checkout',
        name: 'Checkout',
        kind: 'delivery',
        portfolio_id: 'commerce',
        owner_email: 'ada@example.com',
        slack_channel: 'C1',
      },
      {
        id: 'search',
        name: 'search',
        kind: 'delivery',
        portfolio_id: null,
        owner_email: 'eve@example.com',
        slack_channel: 'mailto:search@example.com',
      },
    ]);
    expect(await currentLimit(db)).toBe('50000');
    const delegated =
      await sql`select delegated_raise_limit as limit, delegated_raise_currency as currency from portfolio`.execute(db);
    expect(delegated.rows).toEqual([{ limit: '5000.50', currency: 'USD' }]);
  });

  test('leaves an audit event with its principal and what changed', async ({ db }) => {
    await apply(db, BASE);
    const { rows } = await sql<{ principal: string; details: { changes: string[] } }>`
      select principal, details from audit_event where action = 'apply-organisation'
    `.execute(db);
    expect(rows).toHaveLength(1);
    expect(rows[0]?.principal).toBe('local operator');
    expect(rows[0]?.details.changes).toContain('add pod checkout');
  });

  test('that defines nothing but a name keeps the empty rulebook and counts as applied', async ({ db }) => {
    expect((await apply(db, 'organisation: Acme\n')).rulebookId).toBe(0);
    expect(await hasRulebook(db)).toBe(true);
  });

  test('stops before it writes anything where an exchange rate file is missing', async ({ db }) => {
    await expect(apply(db, `${BASE}fx: { files: [ecb.csv] }\n`)).rejects.toThrow(
      'fx.files names "ecb.csv", which cannot be read at /nowhere/ecb.csv',
    );
    expect(await count(db, 'applied_file')).toBe(0);
    expect(await hasRulebook(db)).toBe(false);
  });
});

describe('a file again', () => {
  test('changes nothing where it is identical', async ({ db }) => {
    await apply(db, BASE);
    const before = await Promise.all([
      count(db, 'applied_file'),
      count(db, 'audit_event'),
      count(db, 'envelope_version'),
    ]);
    const result = await apply(db, BASE, LATER);
    expect(result).toMatchObject({ unchanged: true, rulebookId: 1 });
    expect(
      await Promise.all([count(db, 'applied_file'), count(db, 'audit_event'), count(db, 'envelope_version')]),
    ).toEqual(before);
    expect(describePlan(result.plan)).toBe('Nothing to change: the file says what is in force (rulebook 1).');
  });

  test('changes nothing where only comments, quotes and the order of pods differ', async ({ db }) => {
    await apply(db, BASE);
    const [checkout, search] = BASE.split('\n').slice(4, 6);
    const moved = `# Ours.\n${BASE.replace(`${checkout}\n${search}`, `${search}\n${checkout}`).replace('"50000.00"', '50000')}`;
    expect((await apply(db, moved, LATER)).unchanged).toBe(true);
  });

  test('keeps its rulebook where only an owner changes', async ({ db }) => {
    await apply(db, BASE);
    const result = await apply(db, BASE.replace('ada@', 'zoe@'), LATER);
    expect(result).toMatchObject({ unchanged: false, rulebookId: 1 });
    expect(result.plan.changes.map(({ noun, id, action }) => `${action} ${noun} ${id}`)).toEqual([
      'change pod checkout',
    ]);
    const { rows } = await sql`select owner_email from pod where id = 'checkout'`.execute(db);
    expect(rows).toEqual([{ owner_email: 'zoe@example.com' }]);
  });

  test('with another rule is rulebook 2, and without it again rulebook 1', async ({ db }) => {
    await apply(db, BASE);
    const more = `${BASE}  - { id: azure, when: { provider: Microsoft }, pod: search }\n`;
    const plan = await planOrganisation(db, fileOf(more), LATER);
    expect(plan.rulebook).toEqual({ current: 1, next: null, changed: true });
    expect(describePlan(plan)).toBe('+ rule azure\nA new rulebook takes the place of rulebook 1.');
    expect((await apply(db, more, LATER)).rulebookId).toBe(2);
    expect((await planOrganisation(db, fileOf(BASE), LATER)).rulebook).toEqual({ current: 2, next: 1, changed: true });
    expect((await apply(db, BASE, LATER)).rulebookId).toBe(1);
    expect((await currentRulebook(db)).id).toBe(1);
  });

  test('whose rules stand in another order is another rulebook', async ({ db }) => {
    await apply(db, BASE);
    const [tagged, aws] = BASE.split('\n').slice(9, 11);
    const plan = await planOrganisation(db, fileOf(BASE.replace(`${tagged}\n${aws}`, `${aws}\n${tagged}`)), LATER);
    expect(plan).toMatchObject({ unchanged: false, reordered: ['aws', 'tagged'], rulebook: { changed: true } });
  });

  test('without a pod marks it removed and keeps its row', async ({ db }) => {
    await apply(db, BASE);
    await apply(
      db,
      BASE.split('\n')
        .filter((line) => !line.includes('id: search'))
        .join('\n'),
      LATER,
    );
    const { rows } = await sql<{
      id: string;
      removed: boolean;
    }>`select id, removed_at is not null as removed from pod order by id`.execute(db);
    expect(rows).toEqual([
      { id: 'checkout', removed: false },
      { id: 'search', removed: true },
    ]);
    await apply(db, BASE, LATER);
    expect((await sql`select 1 from pod where removed_at is not null`.execute(db)).rows).toEqual([]);
  });

  test('keeps the source that undeclared bills go to', async ({ db }) => {
    await apply(db, `${BASE}sources: [{ id: aws, kind: aws-data-export, bucket: b }]\n`);
    await apply(db, BASE, LATER);
    const { rows } = await sql`select id, removed_at is null as present from source order by id`.execute(db);
    expect(rows).toEqual([
      { id: 'aws', present: false },
      { id: 'files', present: true },
    ]);
  });

  test('leaves a source that went unasked, also where files are named for it again', async ({ db }) => {
    await apply(db, `${BASE}sources: [{ id: AWS, kind: aws-data-export, bucket: b }]\n`);
    await ensureSource(db, 'AWS');
    const settings = async () =>
      (await sql`select id, settings from source where removed_at is null and id <> 'files'`.execute(db)).rows;
    expect(await settings()).toEqual([{ id: 'AWS', settings: { bucket: 'b' } }]);
    await apply(db, BASE, LATER);
    await ensureSource(db, 'AWS');
    expect(await settings()).toEqual([{ id: 'AWS', settings: {} }]);
  });

  test('is what the doctor asks for where the file was edited since', async ({ db }) => {
    const folder = await mkdtemp(join(tmpdir(), 'outturn-organisation-'));
    try {
      const configPath = join(folder, 'outturn.yaml');
      const check = () => checkOrganisationFile({ db, clock: { now: () => LATER }, settings: { configPath } });
      await writeFile(configPath, BASE);
      await apply(db, BASE);
      expect(await check()).toMatchObject({ state: 'ok' });
      await writeFile(configPath, `${BASE}sources: [{ id: aws, kind: aws-data-export, bucket: b }]\n`);
      expect(await check()).toMatchObject({ state: 'note', message: expect.stringContaining('Run "outturn plan"') });
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  test('with new exchange rates imports them, though nothing else changed', async ({ db }) => {
    const folder = await mkdtemp(join(tmpdir(), 'outturn-organisation-'));
    try {
      const text = `${BASE}fx: { files: [ecb.csv] }\n`;
      await writeFile(join(folder, 'ecb.csv'), 'date,base,quote,rate\n2026-09-30,EUR,USD,1.1\n');
      expect((await apply(db, text, AT, folder)).changedRates).toBe(1);
      expect((await apply(db, text, LATER, folder)).unchanged).toBe(true);
      await writeFile(
        join(folder, 'ecb.csv'),
        'date,base,quote,rate\n2026-09-30,EUR,USD,1.1\n2026-10-01,EUR,USD,1.2\n',
      );
      expect(await apply(db, text, LATER, folder)).toMatchObject({ unchanged: false, changedRates: 1 });
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

describe('what the product changed since', () => {
  test('a granted envelope stays where the file did not change it', async ({ db }) => {
    await apply(db, BASE);
    await grant(db, '64000');
    const result = await apply(db, BASE.replace('ada@', 'zoe@'), LATER);
    expect(result.plan.kept.map(({ noun, id }) => `${noun} ${id}`)).toEqual(['envelope pod checkout 2026-Q4']);
    expect(describePlan(result.plan)).toContain('= envelope pod checkout 2026-Q4: changed in the product since (');
    expect(await currentLimit(db)).toBe('64000');
  });

  test('where the file and the product both changed an envelope, it stops and names both', async ({ db }) => {
    await apply(db, BASE);
    await grant(db, '64000');
    const changed = BASE.replace('50000.00', '55000.00').replace('ada@', 'zoe@');
    await expect(apply(db, changed, LATER)).rejects.toMatchObject({
      code: 'organisation_conflict',
      message: expect.stringMatching(
        /envelope pod checkout 2026-Q4: changed in the file \(limit 50000 → 55000\) and in the product \(limit 50000 → 64000/,
      ) as string,
    });
    expect(await currentLimit(db)).toBe('64000');
    const { rows } = await sql`select owner_email from pod where id = 'checkout'`.execute(db);
    expect(rows).toEqual([{ owner_email: 'ada@example.com' }]);
  });

  test('a file that takes over what was granted is no conflict, and may change it again', async ({ db }) => {
    const unsigned = BASE.replace(', approvedBy: grace@example.com', '');
    await apply(db, unsigned);
    await grant(db, '64000');
    const taken = unsigned.replace('50000.00', '64000');
    const plan = await planOrganisation(db, fileOf(taken), LATER);
    expect(describePlan(plan)).toBe(
      '= envelope pod checkout 2026-Q4: the product has it already\nRulebook 1 stays in force.',
    );
    await apply(db, taken, LATER);
    expect(await currentLimit(db)).toBe('64000');
    await apply(db, taken.replace('64000', '70000'), LATER);
    expect(await currentLimit(db)).toBe('70000');
  });

  test('a pod changed in both is named with both values', async ({ db }) => {
    await apply(db, BASE);
    await sql`update pod set slack_channel = 'C9' where id = 'checkout'`.execute(db);
    const plan = await planOrganisation(db, fileOf(BASE.replace('C1', 'C2')), LATER);
    expect(plan.conflicts.map(({ noun, id }) => `${noun} ${id}`)).toEqual(['pod checkout']);
    expect(describePlan(plan)).toMatch(
      /! pod checkout: changed in the file \(slackChannel C1 → C2\) and in the product \(.*C9/,
    );
  });
});

test('two applies at once leave one organisation, and the later one wins whole', async ({ db }) => {
  const other = BASE.replace('organisation: Acme', 'organisation: Other').replace('search', 'finder');
  const outcomes = await Promise.allSettled([apply(db, BASE), apply(db, other)]);
  expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled']);
  const { rows } = await sql<{ name: string; content: { name: string } }>`
    select organisation.name, applied_file.content from organisation,
      (select content from applied_file order by id desc limit 1) as applied_file
  `.execute(db);
  expect(rows[0]?.content.name).toBe(rows[0]?.name);
  const expected = rows[0]?.name === 'Acme' ? ['checkout', 'search'] : ['checkout', 'finder'];
  const pods = await sql<{ id: string }>`select id from pod where removed_at is null order by id`.execute(db);
  expect(pods.rows.map(({ id }) => id)).toEqual(expected);
});
