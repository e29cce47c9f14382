/** What the tests of intake have in common: an organisation, what came in and what became of it, and claims that refer to it. */
import { sql } from 'kysely';
import { createToken } from '../../services/access/tokens.ts';
import { localOperator } from '../../services/kernel/ports.ts';
import { createOutcome } from '../../services/outcomes/acts/create-outcome.ts';
import { test as base, type TestDatabase } from './database.ts';
import { startIntake, type TestIntake } from './intake.ts';
import { githubIssue } from './signed-webhooks.ts';

/** Two pods, and nothing said of what comes in. */
export const ORGANISATION = `
pods:
  - { id: checkout, name: Checkout, owner: ada@example.com, slackChannel: C0CHECKOUT }
  - { id: pay, name: Pay, owner: pia@example.com }
`;
/** And whose it is. */
export const MAPPED = `${ORGANISATION}
intake:
  mappings:
    - { repository: Acme/Shop, pod: checkout }
    - { repository: acme/shop, pod: pay, from: 2026-09-10 }
    - { project: SHOP, pod: checkout }
    - { team: ENG, ignored: the search team is not counted }
    - { service: Checkout API, pod: checkout }
    - { service: payments, pod: pay }
  candidates:
    - { label: Outcome }
    - { project: shop, issueType: Benefit }
`;

/** `fresh`: nothing has come in yet, and MAPPED is applied. */
export const test = base
  .extend('intake', { scope: 'file' }, async ({ database }, { onCleanup }): Promise<TestIntake> => {
    const intake = await startIntake(database);
    onCleanup(() => intake.app.close());
    return intake;
  })
  .extend('fresh', async ({ database, intake }): Promise<TestIntake> => {
    await sql`truncate inbound_event, intake_gap, message, outcome, api_token restart identity cascade`.execute(
      database.db,
    );
    intake.clock.set('2026-09-15T12:00:00Z');
    await intake.apply(MAPPED);
    return intake;
  });

interface Row {
  readonly type: string;
  readonly state: string;
  readonly pod_id: string | null;
  readonly reason: string | null;
}

/** What came in, in its order. */
export async function events({ db }: TestDatabase): Promise<Row[]> {
  const { rows } = await sql<Row>`select type, state, pod_id, reason from inbound_event order by id`.execute(db);
  return rows;
}

export async function outcomes({ db }: TestDatabase) {
  const { rows } = await sql<{
    title: string;
    state: string;
    pods: string;
    owner_email: string;
    evidence: string | null;
  }>`
    select title, state, owner_email, (select string_agg(pod_id, ',') from outcome_share where outcome_id = outcome.id) as pods,
      (select string_agg(uri, ',') from outcome_evidence where outcome_id = outcome.id) as evidence from outcome order by id
  `.execute(db);
  return rows;
}

/** A claim of pod checkout that refers to what an event is about. */
export async function claimWith({ db }: TestDatabase, evidenceUrl: string, reference: { system: string; key: string }) {
  const input = {
    title: 'Paid faster & <better>',
    basis: 'cost_avoided' as const,
    amount: '300.00',
    currency: 'USD',
    deliveredOn: '2026-09-05',
    ownerEmail: 'ada@example.com',
    shares: [{ pod: 'checkout', basisPoints: 10_000 }],
    evidenceUrl,
    references: [{ ...reference, url: evidenceUrl }],
  };
  const at = new Date('2026-09-06T12:00:00Z');
  const created = await db.transaction().execute((trx) => createOutcome(trx, { input, principal: localOperator, at }));
  await sql`
    insert into outcome_evidence (outcome_id, kind, uri, captured_at, added_by, added_at)
    values (${created.outcomeId}::bigint, 'link', ${evidenceUrl}, ${at.toISOString()}, 'ada', ${at.toISOString()}) on conflict do nothing
  `.execute(db);
  return created.outcomeId;
}

/** For the header. */
export async function tokenOf(
  { context }: TestIntake,
  role: 'ingest' | 'reader',
  principal = `${role}@example.com`,
): Promise<string> {
  const grant = { principal, role, pods: [], expiresAt: new Date('2026-10-15T00:00:00Z') };
  const { token } = await context.db
    .transaction()
    .execute((trx) => createToken(trx, grant, localOperator, context.clock.now()));
  return `Bearer ${token}`;
}

/** Of acme/shop, number 7. */
export const issue = (action: string, at: string, more: Partial<Parameters<typeof githubIssue>[1]> = {}) =>
  githubIssue(action, { number: 7, updatedAt: at, ...more });
export const closed = { state: 'closed', reason: 'completed', labels: ['outcome'] };
