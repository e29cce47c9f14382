/**
 * An approver sets a limit in the product: a new envelope, or another version of one. What is not said stays as it was approved. The file and the product
 * meet at the next apply: a file that says something else since is refused there, and so is a change that only repeats what stands.
 */
import type { Kysely, Transaction } from 'kysely';
import { sql } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import type { CostMetric } from '../attribution/rulebook.ts';
import { currencyFix, isCurrencyCode } from '../fx/currency.ts';
import { compare, type Decimal, decimal, ZERO } from '../kernel/decimal.ts';
import { AppError } from '../kernel/errors.ts';
import { parsePeriod, utcDate } from '../kernel/period.ts';
import { readFiscalCalendar } from '../organisation/read-calendar.ts';
import type { EnvelopeScope } from '../organisation/organisation.ts';
import { isSamePerson, readApprovers, requireApprover } from './approvers.ts';
import {
  describeScope,
  keyOf,
  readStoredEnvelopes,
  type StoredEnvelope,
  type VersionContent,
} from './envelope-versions.ts';
import { type Deciding, grantVersion, lockApprovals, refuseClosed } from './grant-version.ts';
import { DEFAULT_RUNGS } from './pattern-envelopes.ts';
import { listRaiseRequests } from './raise-rows.ts';

export interface EnvelopeSetting {
  readonly scope: EnvelopeScope;
  /** A period's name. */
  readonly period: string;
  readonly limit: Decimal;
  readonly currency: string;
  /** Absent: as it stands, else that of the organisation, controlled, and the default rungs. */
  readonly costMetric?: CostMetric;
  readonly counts?: 'controlled' | 'loaded';
  readonly rungs?: readonly Decimal[];
  /** The reference of the approval. */
  readonly approval?: string;
}

export interface SetEnvelope {
  readonly envelopeId: string;
  readonly version: number;
  /** unchanged: the version that stands says the same already. */
  readonly change: 'created' | 'changed' | 'unchanged';
}

/**
 * Approves it in the name of the principal.
 * @throws AppError forbidden (no approver of the scope, or who waits for a raise of it), not_found (an unknown scope), invalid_input, invalid_period,
 *   conflict where the period is closed.
 */
export async function setEnvelope(db: Kysely<DB>, setting: EnvelopeSetting & Deciding): Promise<SetEnvelope> {
  return db.isTransaction ? set(db as Transaction<DB>, setting) : db.transaction().execute((trx) => set(trx, setting));
}

async function set(trx: Transaction<DB>, setting: EnvelopeSetting & Deciding): Promise<SetEnvelope> {
  const { scope, counts = 'controlled', principal, via, at } = setting;
  checkSetting(setting);
  const period = parsePeriod(setting.period, await readFiscalCalendar(trx));
  await lockApprovals(trx);
  await requireScope(trx, scope);
  requireApprover(scope, { approvers: await readApprovers(trx, scope, at), principal, requestedBy: null });
  const key = { scope, start: period.start, end: period.end, counts };
  const stored = (await readStoredEnvelopes(trx)).get(keyOf(key));
  const standing = stored?.isWithdrawn === false ? stored : undefined;
  if (standing !== undefined) {
    await refuseAsker(trx, standing, setting);
    await refuseClosed(trx, standing);
  }
  const content: VersionContent = {
    limit: setting.limit,
    currency: setting.currency,
    costMetric: setting.costMetric ?? standing?.newest.costMetric ?? (await readCostMetric(trx)),
    rungs: setting.rungs ?? standing?.newest.rungs ?? DEFAULT_RUNGS,
    approvedBy: principal.id,
    approvedOn: utcDate(at),
    approval: setting.approval ?? null,
    origin: standing?.newest.origin ?? 'explicit',
    patternIds: standing?.newest.patternIds ?? [],
  };
  if (standing !== undefined && saysThat(standing, content)) {
    return { envelopeId: standing.envelopeId, version: standing.newest.version, change: 'unchanged' };
  }
  const written = await grantVersion(
    trx,
    { ...key, periodId: period.id, content },
    { principal, via, at, formerLimit: standing?.newest.limit ?? null },
  );
  return { ...written, change: standing === undefined ? 'created' : 'changed' };
}

function checkSetting({ limit, currency, rungs, approval }: EnvelopeSetting): void {
  if (compare(limit, ZERO) <= 0) throw new AppError('invalid_input', `A limit is above zero; ${limit} is not.`);
  if (!isCurrencyCode(currency)) {
    throw new AppError('invalid_input', `"${currency}" is not an ISO 4217 currency. ${currencyFix(currency)}`);
  }
  if (approval !== undefined && approval.trim() === '') {
    throw new AppError('invalid_input', 'The reference of the approval is empty. Leave it out where there is none.');
  }
  if (rungs === undefined) return;
  const isRising = rungs.every((rung, index) => compare(rung, rungs[index - 1] ?? ZERO) > 0);
  if (!isRising || !rungs.some((rung) => compare(rung, decimal('1')) === 0)) {
    throw new AppError(
      'invalid_input',
      `Rungs are above zero, ascending, with 1 among them; ${rungs.join(', ')} are not.`,
    );
  }
}

async function requireScope(trx: Transaction<DB>, scope: EnvelopeScope): Promise<void> {
  if (scope.kind !== 'pod' && scope.kind !== 'portfolio') return;
  const { rows } =
    await sql`select from ${sql.table(scope.kind)} where id = ${scope.id} and removed_at is null`.execute(trx);
  if (rows.length === 0) {
    throw new AppError('not_found', `There is no ${scope.kind} "${scope.id}". The organisation file defines it.`);
  }
}

/** Who waits for another person's decision does not take it alone. */
async function refuseAsker(trx: Transaction<DB>, envelope: StoredEnvelope, { principal }: Deciding): Promise<void> {
  const pending = await listRaiseRequests(trx, { envelopeId: envelope.envelopeId, state: 'pending' });
  const own = pending.find(({ requestedBy }) => isSamePerson(requestedBy, principal.id));
  if (own === undefined) return;
  throw new AppError(
    'forbidden',
    `${principal.id} asked for a raise of ${describeScope(envelope.scope)} (request ${own.requestId}): another approver decides about it first.`,
  );
}

function saysThat({ newest }: StoredEnvelope, content: VersionContent): boolean {
  return (
    newest.limit === content.limit &&
    newest.currency === content.currency &&
    newest.costMetric === content.costMetric &&
    newest.rungs.join() === content.rungs.join() &&
    newest.approvedBy === content.approvedBy &&
    newest.approval === content.approval
  );
}

async function readCostMetric(trx: Transaction<DB>): Promise<CostMetric> {
  const { cost_metric } = await trx.selectFrom('organisation').select('cost_metric').executeTakeFirstOrThrow();
  return cost_metric as CostMetric;
}
