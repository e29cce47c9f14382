/**
 * Why an origin's charges are where they are: its attributes, the rule that won on which charge dates, why each rule before it
 * did not, and the charges with their loads and lines.
 */
import { CompiledQuery, type Kysely, sql } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import type { LoadView } from '../billing/describe-load.ts';
import type { ArchivedLine } from '../billing/read-lines.ts';
import { AppError } from '../kernel/errors.ts';
import { option, worded } from '../kernel/wording.ts';
import type { IsoDate } from '../kernel/period.ts';
import { compileRuleChecks } from './compile-rules.ts';
import { DIMENSION_COLUMNS } from './compile-when.ts';
import {
  describeSources,
  type ExplainedMoney,
  type ExplainedRate,
  type LinesQuery,
  readCurrentLoadIds,
  readRates,
  sampleLines,
  sumsAsText,
} from './explain-sources.ts';
import { RULE_DIMENSIONS, type Rule, type RulebookContent, type RuleDimension } from './rulebook.ts';
import { currentRulebook } from './store-rulebook.ts';

export interface ExplainedStretch {
  /** Null: since ever. Charge dates, half-open. */
  readonly from: IsoDate | null;
  readonly until: IsoDate | null;
  readonly kind: 'pod' | 'split' | 'unattributed';
  readonly podId: string | null;
  readonly ruleId: string | null;
  /** The winning rule as the rulebook has it; null where none matched. */
  readonly rule: Rule | null;
  /** The rules before it, in order, with the reason why each did not win. */
  readonly passedOver: readonly { readonly ruleId: string; readonly reason: string }[];
}

export interface ExplainedDay extends ExplainedMoney {
  readonly chargeDate: IsoDate;
  readonly loadId: string;
  readonly lineCount: string;
}

export interface OriginExplanation {
  readonly subject: 'origin';
  readonly originId: string;
  readonly attributes: Readonly<Partial<Record<RuleDimension, string>>>;
  readonly tags: Readonly<Record<string, string | null>>;
  readonly rulebook: number;
  readonly stretches: readonly ExplainedStretch[];
  /** The latest days first. */
  readonly days: readonly ExplainedDay[];
  readonly rates: readonly ExplainedRate[];
  readonly loads: readonly LoadView[];
  readonly lines: readonly ArchivedLine[];
  readonly linesNote: string | null;
}

interface RuleCheck {
  readonly matches: boolean;
  /** For a rule that reads a pod from a tag: the pod the tag names. */
  readonly taggedPodId: string | null;
}

interface StretchRow {
  readonly valid_from: IsoDate;
  readonly valid_until: IsoDate;
  readonly kind: ExplainedStretch['kind'];
  readonly pod_id: string | null;
  readonly rule_id: string | null;
}

const DAYS_MAX = 400;
/** PostgreSQL's greatest bigint: an id beyond it is nobody's. */
const ORIGIN_ID_MAX = 2n ** 63n - 1n;

/**
 * Explains one origin.
 * @throws AppError not_found.
 */
export async function explainOrigin(db: Kysely<DB>, originId: string, query: LinesQuery): Promise<OriginExplanation> {
  const origin = await readOrigin(db, originId);
  const rulebook = await currentRulebook(db);
  const checks = await checkRules(db, originId, rulebook.content);
  const days = await readDays(db, originId, await readCurrentLoadIds(db));
  const loadIds = [...new Set(days.map((day) => day.loadId))];
  return {
    subject: 'origin',
    originId,
    ...origin,
    rulebook: rulebook.id,
    stretches: (await readStretches(db, originId, rulebook.id)).map((row) => toStretch(row, rulebook.content, checks)),
    days,
    rates: await readRates(
      db,
      days.map((day) => ({ currency: day.billingCurrency, date: day.chargeDate })),
    ),
    loads: await describeSources(db, loadIds),
    ...(await sampleLines(
      db,
      loadIds.slice(0, 1).map((loadId) => ({ originId, loadId })),
      query,
    )),
  };
}

async function readOrigin(db: Kysely<DB>, originId: string): Promise<Pick<OriginExplanation, 'attributes' | 'tags'>> {
  const found =
    /^\d{1,19}$/.test(originId) && BigInt(originId) <= ORIGIN_ID_MAX
      ? await sql<Record<string, string | null> & { tags: Record<string, string | null> }>`
        select * from origin where id = ${originId}::bigint
      `.execute(db)
      : { rows: [] };
  const [row] = found.rows;
  if (row === undefined) {
    throw new AppError(
      'not_found',
      worded`There is no origin ${originId}. Explain a pod (${option('podId')}) or a resource (${option('resourceId')}) to see origins.`,
    );
  }
  const attributes: Partial<Record<RuleDimension, string>> = {};
  for (const dimension of RULE_DIMENSIONS) {
    const value = row[DIMENSION_COLUMNS[dimension]];
    if (value !== null && value !== undefined) attributes[dimension] = value;
  }
  return { attributes, tags: row.tags };
}

async function checkRules(db: Kysely<DB>, originId: string, content: RulebookContent): Promise<RuleCheck[]> {
  const { text, parameters } = compileRuleChecks(content, (bind) => `origin.id = ${bind(originId, 'bigint')}`);
  const { rows } = await db.executeQuery<{ matches: boolean[]; tagged_pods: (number | null)[] }>(
    CompiledQuery.raw(text, [...parameters]),
  );
  return content.rules.map((_, index) => {
    const podNumber = rows[0]?.tagged_pods[index] ?? null;
    return {
      matches: rows[0]?.matches[index] === true,
      taggedPodId: podNumber === null ? null : (content.pods[podNumber - 1]?.id ?? null),
    };
  });
}

async function readStretches(db: Kysely<DB>, originId: string, rulebookId: number): Promise<StretchRow[]> {
  const { rows } = await sql<StretchRow>`
    select valid_from, valid_until, kind, pod_id, rule_id from attributed_origin as attribution
    where rulebook_id = ${rulebookId} and origin_id = ${originId}::bigint order by valid_from
  `.execute(db);
  return rows;
}

async function readDays(db: Kysely<DB>, originId: string, loadIds: readonly string[]): Promise<ExplainedDay[]> {
  const { rows } = await sql<ExplainedDay>`
    select charge_date as "chargeDate", load_id as "loadId", billing_currency as "billingCurrency", ${sumsAsText('charge')},
      sum(line_count)::text as "lineCount"
    from charge where load_id = any(${loadIds}::bigint[]) and origin_id = ${originId}::bigint
    group by charge_date, load_id, billing_currency order by charge_date desc, load_id desc, billing_currency limit ${DAYS_MAX}
  `.execute(db);
  return rows;
}

function toStretch(row: StretchRow, content: RulebookContent, checks: readonly RuleCheck[]): ExplainedStretch {
  const place = content.rules.findIndex((rule) => rule.id === row.rule_id);
  const before = place === -1 ? content.rules : content.rules.slice(0, place);
  return {
    from: row.valid_from === '-infinity' ? null : row.valid_from,
    until: row.valid_until === 'infinity' ? null : row.valid_until,
    kind: row.kind,
    podId: row.pod_id,
    ruleId: row.rule_id,
    rule: content.rules[place] ?? null,
    passedOver: before.map((rule, index) => ({
      ruleId: rule.id,
      reason: reasonOf(rule, checks[index] ?? { matches: false, taggedPodId: null }),
    })),
  };
}

/** Within a stretch no rule's or pod's dates begin or end that could have won, so a match that lost lost by its dates. */
function reasonOf(rule: Rule, check: RuleCheck): string {
  if (!check.matches) return 'its "when" does not match';
  if ('podFromTag' in rule && check.taggedPodId === null) return `the tag ${rule.podFromTag} names no pod`;
  const dates = `${rule.from ?? 'ever'} until ${rule.until ?? 'further notice'}`;
  const ruleReason = `it holds for charge dates from ${dates}`;
  if (!('podFromTag' in rule)) return ruleReason;
  const podReason = `the pod ${check.taggedPodId} is not active on these dates`;
  return rule.from === undefined && rule.until === undefined ? podReason : `${ruleReason}, or ${podReason}`;
}
