/**
 * Tags that nearly say whose a cost is: keys written otherwise than rules ask for, values that name no pod, pods that were not active
 * on the charge date. Each finding with its money, an example and the lines of the organisation file that would mend it. Findings may
 * overlap, for one charge may have several faults, so they are not added up. Always as now known, also of closed months: it says what is to
 * be mended now.
 */
import type { Kysely } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { tagSpellings } from '../attribution/compile-when.ts';
import type { CostMetric, RulebookContent, RuleWhen } from '../attribution/rulebook.ts';
import { flow } from '../organisation/flow-yaml.ts';
import { slugOf, uniqueId } from '../organisation/pod-ids.ts';
import { readChargeScope, withBulkReads } from './coverage-cells.ts';
import { WHICH_POD } from './coverage-suggestions.ts';
import { type NearMiss, nearMiss } from './near-miss.ts';
import { asNowKnown, type ReportPeriod, type ReportRequest, readReportFrame, reportPeriod } from './report-frame.ts';
import {
  type FaultMoney,
  listTagKeys,
  readKeyMoney,
  readValueMoney,
  type SuspectKey,
  type ValueMoney,
} from './tag-hygiene-figures.ts';

export interface KeyFinding extends FaultMoney {
  readonly key: string;
  readonly meant: string;
  readonly fault: NearMiss['fault'];
  /** What to write into the organisation file. */
  readonly fix: string;
}

export interface ValueFinding extends FaultMoney {
  readonly key: string;
  readonly value: string;
  readonly fault: NearMiss['fault'] | 'unknown-pod' | 'not-active';
  /** The pod that is meant; null where none is near. */
  readonly pod: string | null;
  readonly fix: string;
}

export interface TagHygiene {
  readonly period: ReportPeriod;
  readonly currency: string;
  readonly costMetric: CostMetric;
  readonly dataAsOf: string | null;
  readonly rulebook: number;
  /** Whether keys and values match trimmed and case-folded: then their case is no fault. */
  readonly foldsTags: boolean;
  readonly keys: readonly KeyFinding[];
  readonly values: readonly ValueFinding[];
}

const SUSPECT_KEYS_MAX = 100;
const WHOLE_BASIS_POINTS = 10_000;

/**
 * The tag faults of a period's charges, largest first. Reads only; `prepareConversions` is called before it.
 * @throws AppError invalid_period, invalid_input (metric, currency), missing_exchange_rate.
 */
export async function tagHygiene(db: Kysely<DB>, request: ReportRequest): Promise<TagHygiene> {
  const frame = await asNowKnown(db, await readReportFrame(db, request));
  const scope = await readChargeScope(db, frame);
  const { content } = scope;
  const suspects = findSuspects(await listTagKeys(db), content);
  const faults = new Map(suspects.map((one) => [one.key, one]));
  const [keys, values] = await withBulkReads(db, async (trx) => [
    await readKeyMoney(trx, scope, suspects),
    await readValueMoney(trx, scope),
  ]);
  const heirs = await readSoleSuccessors(db);
  return {
    period: reportPeriod(frame),
    currency: frame.currency,
    costMetric: frame.costMetric,
    dataAsOf: frame.dataAsOf,
    rulebook: frame.rulebook,
    foldsTags: content.tags.fold,
    keys: keys.flatMap(({ key, ...money }) => {
      const suspect = faults.get(key);
      if (suspect === undefined) return [];
      const { meant, fault } = suspect;
      const spellings = [...tagSpellings(content.tags, meant).slice(1), key];
      return [{ key, meant, fault, ...money, fix: `tags: ${flow({ keys: { [meant]: spellings } })}` }];
    }),
    values: values.map((value) => findingOf(value, content, heirs)),
  };
}

type Suspect = SuspectKey & { readonly fault: NearMiss['fault'] };

/** Keys that no rule finds, but that are near one that rules ask for. */
function findSuspects(keys: readonly string[], content: RulebookContent): Suspect[] {
  const { tags } = content;
  const fold = (text: string) => (tags.fold ? text.trim().toLowerCase() : text);
  const asked = [
    ...new Set([
      ...content.rules.flatMap((rule) => askedKeys(rule.when)),
      ...taggedKeys(content),
      ...Object.keys(tags.keys),
    ]),
  ];
  const known = new Map(
    asked.flatMap((key) => tagSpellings(tags, key).map((spelling) => [fold(spelling), key] as const)),
  );
  return keys
    .flatMap((key): Suspect[] => {
      if (known.has(fold(key))) return [];
      const near = nearMiss(fold(key), known.keys());
      const meant = near === null ? undefined : known.get(near.meant);
      return near === null || meant === undefined ? [] : [{ key, meant, fault: near.fault }];
    })
    .slice(0, SUSPECT_KEYS_MAX);
}

function taggedKeys({ rules }: RulebookContent): string[] {
  return rules.flatMap((rule) => ('podFromTag' in rule ? [rule.podFromTag] : []));
}

function askedKeys(when: RuleWhen): string[] {
  const nested = [...(when.any ?? []), ...(when.all ?? []), ...(when.not === undefined ? [] : [when.not])];
  return [...Object.keys(when.tag ?? {}), ...nested.flatMap(askedKeys)];
}

/** By pod, the successor that takes all of it. */
async function readSoleSuccessors(db: Kysely<DB>): Promise<Map<string, string>> {
  const rows = await db
    .selectFrom('pod_successor')
    .select(['pod_id', 'successor_pod_id'])
    .where('basis_points', '=', WHOLE_BASIS_POINTS)
    .execute();
  return new Map(rows.map((row) => [row.pod_id, row.successor_pod_id]));
}

function findingOf(
  { podId, side, ...found }: ValueMoney,
  content: RulebookContent,
  heirs: ReadonlyMap<string, string>,
): ValueFinding {
  if (podId !== null) {
    const bearer = (side === 'after' ? heirs.get(podId) : undefined) ?? WHICH_POD;
    return {
      ...found,
      fault: 'not-active',
      pod: podId,
      fix: `rules: [${flow(lateRule(found, { podId, side, bearer }, content))}]`,
    };
  }
  const names = new Map(content.pods.flatMap((pod) => [pod.id, ...pod.aliases].map((name) => [name, pod] as const)));
  const near = nearMiss(found.value, names.keys());
  const pod = near === null ? undefined : names.get(near.meant);
  const aliases = [...(pod?.aliases ?? []), found.value];
  const fix = `pods: [${flow({ id: pod?.id ?? WHICH_POD, aliases })}]`;
  return { ...found, fault: near?.fault ?? 'unknown-pod', pod: pod?.id ?? null, fix };
}

/**
 * A rule for what still carries the tag of a pod that ended, or already that of one to come. The one successor of an ended pod bears
 * it; else people have to say who does.
 */
function lateRule(
  { key, value }: { readonly key: string; readonly value: string },
  { podId, side, bearer }: Pick<ValueMoney, 'podId' | 'side'> & { readonly bearer: string },
  content: RulebookContent,
): object {
  const pod = content.pods.find((one) => one.id === podId);
  const dates = side === 'before' ? { until: pod?.activeFrom } : { from: pod?.activeUntil };
  const id = uniqueId(slugOf(`${podId ?? ''}-${side ?? ''}`, 'rule'), new Set(content.rules.map((rule) => rule.id)));
  return { id, ...dates, when: { tag: { [key]: value } }, pod: bearer };
}
