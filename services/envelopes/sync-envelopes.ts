/**
 * Brings envelopes to what the organisation file says: its entries, its patterns and the activations of its pods. Each entry is
 * compared with what the file itself last said, so an entry that did not change never overrides what was granted since; where
 * both changed, it stops and names both.
 */
import { sql, type Transaction } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { recordAudit } from '../audit/record-audit.ts';
import { decimal } from '../kernel/decimal.ts';
import { AppError } from '../kernel/errors.ts';
import { parsePeriod, utcDate } from '../kernel/period.ts';
import type { Principal } from '../kernel/ports.ts';
import type { EnvelopeEntry, Organisation } from '../organisation/organisation.ts';
import { lockEnvelopes } from './envelope-lock.ts';
import {
  appendVersions,
  describeScope,
  keyOf,
  readStoredEnvelopes,
  type StoredEnvelope,
  type VersionContent,
  type VersionDraft,
  withdrawEnvelopes,
} from './envelope-versions.ts';
import { changeOf, type EnvelopeChange, syncPatternEnvelopes, withdrawalOf } from './pattern-envelopes.ts';

/**
 * Files entries and activations as envelopes and versions; answers what changed. The organisation row and the pods of the file
 * must have been written before. Evaluating is the caller's next step.
 * @throws AppError organisation_conflict where the file and the product both changed an envelope since the last applied file.
 */
export async function syncEnvelopes(
  trx: Transaction<DB>,
  options: { organisation: Organisation; at: Date; principal: Principal },
): Promise<EnvelopeChange[]> {
  const { organisation, at, principal } = options;
  await lockEnvelopes(trx);
  const stored = await readStoredEnvelopes(trx);
  const drafts = organisation.envelopes.map((entry) => draftEntry(entry, { organisation, at, stored }));
  refuseTwice(drafts);
  const changed = drafts.filter((draft) => hasFileChanged(draft, stored.get(keyOf(draft))));
  const named = new Set(drafts.map(keyOf));
  const gone = [...stored.values()].filter((envelope) => !named.has(keyOf(envelope)) && isGone(envelope));
  refuseConflicts(changed, gone, stored);

  const written = await appendVersions(trx, changed, { at, principal, method: 'asserted' });
  await withdrawEnvelopes(
    trx,
    gone.map((envelope) => envelope.envelopeId),
    at,
  );
  const changes = [
    ...written.map(({ draft, envelopeId }) => changeOf(draft, envelopeId, stored.get(keyOf(draft)))),
    ...gone.map(withdrawalOf),
  ];
  for (const change of changes) await auditEntry(trx, change, { at, principal });
  await storePatterns(trx, organisation, at);
  await storeActivations(trx, organisation, at);
  return [...changes, ...(await syncPatternEnvelopes(trx, { at, principal }))];
}

function draftEntry(
  entry: EnvelopeEntry,
  options: { organisation: Organisation; at: Date; stored: ReadonlyMap<string, StoredEnvelope> },
): VersionDraft {
  const period = parsePeriod(entry.period, options.organisation.reporting);
  const key = { scope: entry.scope, start: period.start, end: period.end, counts: entry.counts };
  const content: VersionContent = {
    limit: decimal(entry.limit),
    currency: entry.currency,
    costMetric: entry.costMetric,
    rungs: entry.rungs.map(decimal),
    approvedBy: entry.approvedBy ?? null,
    approvedOn: entry.approvedAt ?? utcDate(options.at),
    approval: entry.approval ?? null,
    origin: 'explicit',
    patternIds: [],
  };
  // An entry without a date of approval was approved when the file first said it, not at every apply anew.
  const before = options.stored.get(keyOf(key))?.asserted;
  const undated = entry.approvedAt === undefined && before?.origin === 'explicit';
  const redated = undated ? { ...content, approvedOn: before.approvedOn } : content;
  return {
    ...key,
    periodId: period.id,
    content: undated && saysTheSame(redated, before) ? redated : content,
  };
}

/** Two names can mean one period: `2026-01` and `2026-01-01..2026-02-01`. */
function refuseTwice(drafts: readonly VersionDraft[]): void {
  for (const group of Map.groupBy(drafts, keyOf).values()) {
    const [first, second] = group;
    if (first === undefined || second === undefined) continue;
    throw new AppError(
      'invalid_organisation',
      `Two envelopes are for ${describeScope(first.scope)} in ${first.start}..${first.end}, counting ${first.counts} cost ` +
        `(${first.periodId} and ${second.periodId}). Keep one of them.`,
    );
  }
}

/** Compared with what the file said before, not with what stands. */
function hasFileChanged(draft: VersionDraft, present: StoredEnvelope | undefined): boolean {
  if (present === undefined) return true;
  const before = present.asserted;
  if (before !== null && before.origin === 'explicit' && !present.isWithdrawn && saysTheSame(draft.content, before)) {
    return false;
  }
  return present.isWithdrawn || present.newest.origin === 'pattern' || !saysTheSame(draft.content, present.newest);
}

function saysTheSame(content: VersionContent, other: VersionContent): boolean {
  return (
    content.limit === other.limit &&
    content.currency === other.currency &&
    content.costMetric === other.costMetric &&
    content.rungs.join() === other.rungs.join() &&
    content.approvedBy === other.approvedBy &&
    content.approval === other.approval &&
    content.approvedOn === other.approvedOn
  );
}

function hasSameFigures(content: VersionContent, other: VersionContent | undefined): boolean {
  return (
    content.limit === other?.limit &&
    content.currency === other.currency &&
    content.costMetric === other.costMetric &&
    content.rungs.join() === other.rungs.join()
  );
}

function isGone(envelope: StoredEnvelope): boolean {
  return !envelope.isWithdrawn && envelope.asserted?.origin === 'explicit' && envelope.newest.origin === 'explicit';
}

function refuseConflicts(
  changed: readonly VersionDraft[],
  gone: readonly StoredEnvelope[],
  stored: ReadonlyMap<string, StoredEnvelope>,
): void {
  const meets = [
    // A file that took over what was granted agrees with the product, whatever it says of the approval.
    ...changed
      .filter((draft) => !hasSameFigures(draft.content, stored.get(keyOf(draft))?.newest))
      .map((draft) => ({
        says: `${draft.content.limit} ${draft.content.currency}`,
        present: stored.get(keyOf(draft)),
      })),
    ...gone.map((present) => ({ says: 'no envelope', present })),
  ];
  for (const { says, present } of meets) {
    if (present === undefined || present.isWithdrawn || present.newest.method !== 'granted') continue;
    const { newest } = present;
    throw new AppError(
      'organisation_conflict',
      `The envelope of ${describeScope(present.scope)} for ${present.periodId} changed in both places since the last applied file: ` +
        `the file now says ${says}, version ${newest.version} granted ${newest.limit} ${newest.currency} ` +
        `(approved by ${newest.approvedBy ?? 'nobody'}). Write what was granted into the file, or change it in the product.`,
      { details: { envelopeId: present.envelopeId, version: newest.version } },
    );
  }
}

async function storePatterns(trx: Transaction<DB>, organisation: Organisation, at: Date): Promise<void> {
  const patterns = organisation.patterns.map((pattern) => ({
    id: pattern.id,
    name: pattern.name,
    approved_by: pattern.approvedBy,
    envelope_every: pattern.envelope?.every ?? null,
    envelope_limit: pattern.envelope?.limit ?? null,
    envelope_currency: pattern.envelope?.currency ?? null,
  }));
  await sql`
    insert into pattern (id, name, approved_by, envelope_every, envelope_limit, envelope_currency)
    select id, name, approved_by, envelope_every, envelope_limit, envelope_currency
    from jsonb_to_recordset(${JSON.stringify(patterns)}::jsonb) as entry (id text, name text, approved_by text[],
      envelope_every text, envelope_limit numeric, envelope_currency text)
    on conflict (id) do update set name = excluded.name, approved_by = excluded.approved_by,
      envelope_every = excluded.envelope_every, envelope_limit = excluded.envelope_limit,
      envelope_currency = excluded.envelope_currency, removed_at = null
  `.execute(trx);
  await sql`
    update pattern set removed_at = ${at.toISOString()}
    where removed_at is null and not id = any (${patterns.map((pattern) => pattern.id)}::text[])
  `.execute(trx);
}

/** An activation that left the file is taken back; one made in the product is the product's. */
async function storeActivations(trx: Transaction<DB>, organisation: Organisation, at: Date): Promise<void> {
  const activations = organisation.pods.flatMap((pod) =>
    pod.activations.map(({ pattern, on }) => ({ pod_id: pod.id, pattern_id: pattern, activated_on: on })),
  );
  const asserted = sql`jsonb_to_recordset(${JSON.stringify(activations)}::jsonb)
    as entry (pod_id text, pattern_id text, activated_on date)`;
  await sql`
    insert into activation (pod_id, pattern_id, activated_on, method, created_at)
    select distinct pod_id, pattern_id, activated_on, 'asserted', ${at.toISOString()}::timestamptz from ${asserted}
    on conflict (pod_id, pattern_id, activated_on) do update set removed_at = null
  `.execute(trx);
  await sql`
    update activation set removed_at = ${at.toISOString()}
    where removed_at is null and method = 'asserted' and not exists (
      select 1 from ${asserted} where entry.pod_id = activation.pod_id and entry.pattern_id = activation.pattern_id
        and entry.activated_on = activation.activated_on)
  `.execute(trx);
}

async function auditEntry(
  trx: Transaction<DB>,
  change: EnvelopeChange,
  options: { at: Date; principal: Principal },
): Promise<void> {
  const { limit, currency, formerLimit, periodId } = change;
  await recordAudit(trx, {
    ...options,
    action: change.kind === 'withdrawn' ? 'withdraw-envelope' : 'set-envelope',
    subjectKind: 'envelope',
    subjectId: change.envelopeId,
    details: {
      scope: describeScope(change.key.scope),
      period: periodId,
      limit,
      formerLimit,
      currency,
      method: 'asserted',
    },
  });
}
