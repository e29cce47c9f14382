/**
 * A version granted in the product: appended, judged at once and audited, in the transaction of the decision. The organisation's row is locked before
 * the envelopes, in the order in which publishing and applying take them.
 */
import { sql, type Transaction } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { raiseFiguresVersion } from '../attribution/figures-version.ts';
import { recordAudit } from '../audit/record-audit.ts';
import { AppError } from '../kernel/errors.ts';
import type { Principal } from '../kernel/ports.ts';
import { COMMANDS, worded } from '../kernel/wording.ts';
import { lockEnvelopes } from './envelope-lock.ts';
import {
  appendVersions,
  describeScope,
  readStoredEnvelopes,
  type StoredEnvelope,
  type VersionDraft,
} from './envelope-versions.ts';
import { evaluateEnvelopes } from './evaluate-envelopes.ts';

/** Where a person does something. */
export type Via = 'cli' | 'api' | 'slack';

/** Who decides, where and when. */
export interface Deciding {
  readonly principal: Principal;
  readonly via: Via;
  readonly at: Date;
}

/** Takes the locks of whoever changes envelopes in the product; one decision follows the other from here on. */
export async function lockApprovals(trx: Transaction<DB>): Promise<void> {
  await sql`select from organisation for no key update`.execute(trx);
  await lockEnvelopes(trx);
}

/**
 * An envelope that stands, for somebody who may see it.
 * @throws AppError not_found, also where a pod's principal asks for another's.
 */
export async function requireEnvelope(
  trx: Transaction<DB>,
  envelopeId: string,
  principal: Principal,
): Promise<StoredEnvelope> {
  const found = [...(await readStoredEnvelopes(trx)).values()].find((one) => one.envelopeId === envelopeId);
  const isHidden =
    principal.role === 'pod' && !(found?.scope.kind === 'pod' && principal.pods.includes(found.scope.id));
  if (found === undefined || found.isWithdrawn || isHidden) {
    throw new AppError(
      'not_found',
      worded`There is no envelope ${envelopeId}. ${COMMANDS.envelopes} lists them with their ids.`,
    );
  }
  return found;
}

/** @throws AppError conflict where the envelope's period is closed: what it was approved at stays. */
export async function refuseClosed(trx: Transaction<DB>, envelope: StoredEnvelope): Promise<void> {
  const { rows } = await sql`
    select from envelope_state where envelope_id = ${envelope.envelopeId}::bigint and closed_at is not null
  `.execute(trx);
  if (rows.length === 0) return;
  throw new AppError(
    'conflict',
    `The envelope of ${describeScope(envelope.scope)} for ${envelope.periodId} is closed: its last day is complete, and its limit stays ` +
      `${envelope.newest.limit} ${envelope.newest.currency}.`,
  );
}

/** Appends the version, judges the envelope under it and audits it. Answers which envelope and version it is. */
export async function grantVersion(
  trx: Transaction<DB>,
  draft: VersionDraft,
  given: Deciding & { formerLimit: string | null; details?: Readonly<Record<string, unknown>> },
): Promise<{ envelopeId: string; version: number }> {
  const { principal, via, at } = given;
  const [written] = await appendVersions(trx, [draft], { at, principal, method: 'granted' });
  if (written === undefined) throw new Error('an appended version has a number');
  const { envelopeId, version } = written;
  await raiseFiguresVersion(trx, {});
  await evaluateEnvelopes(trx, { at, cause: 'envelope', envelopeIds: [envelopeId] });
  const { limit, currency, approvedBy, approval } = draft.content;
  await recordAudit(trx, {
    at,
    principal,
    action: 'set-envelope',
    subjectKind: 'envelope',
    subjectId: envelopeId,
    details: {
      scope: describeScope(draft.scope),
      period: draft.periodId,
      version,
      limit,
      formerLimit: given.formerLimit,
      currency,
      method: 'granted',
      approvedBy,
      approval,
      via,
      ...given.details,
    },
  });
  return { envelopeId, version };
}
