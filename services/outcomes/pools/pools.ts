/**
 * Pools: a shared metric, such as churn, that several outcomes draw on, with what it may move altogether in each window. Finance sets
 * them; a ceiling below what its outcomes recognise already is refused.
 */
import { type Kysely, sql, type Transaction } from 'kysely';
import type { DB } from '../../../db/schema.gen.ts';
import { recordAudit } from '../../audit/record-audit.ts';
import { currencyFix, isCurrencyCode } from '../../fx/currency.ts';
import { compare, decimal, isDecimalText, ZERO } from '../../kernel/decimal.ts';
import { AppError } from '../../kernel/errors.ts';
import { isIsoDate } from '../../kernel/period.ts';
import type { Principal } from '../../kernel/ports.ts';
import { worded } from '../../kernel/wording.ts';
import { faultOfFigure } from '../statement/check-figure.ts';
import { TOKEN_HINT } from '../acts/outcome-act.ts';
import { lockOutcomes } from '../lock-outcomes.ts';
import { keepCeilingsOf, POOL_USE } from './pool-ceilings.ts';

export interface PoolCeiling {
  readonly from: string;
  /** Exclusive. */
  readonly until: string;
  readonly ceiling: string;
}

export interface PoolStatement {
  readonly id: string;
  readonly name: string;
  readonly metric: string;
  readonly currency: string;
  /** All of them: what is not named is taken away. */
  readonly ceilings: readonly PoolCeiling[];
}

export interface PoolView extends Omit<PoolStatement, 'ceilings'> {
  readonly ceilings: readonly (PoolCeiling & {
    /** What counts against it, claimed and verified. */
    readonly used: string;
    readonly left: string;
    readonly setBy: string;
    readonly setAt: string;
  })[];
  readonly outcomes: number;
}

const CEILINGS_MAX = 400;

/** By finance. @throws AppError forbidden, invalid_input, conflict where outcomes recognise more than a ceiling, or are in another currency. */
export async function setPool(
  trx: Transaction<DB>,
  request: { pool: PoolStatement; principal: Principal; at: Date },
): Promise<{ readonly poolId: string; readonly change: 'created' | 'changed' | 'unchanged' }> {
  const { pool, principal, at } = request;
  if (principal.role !== 'finance') {
    const message = worded`${principal.id} may not set a pool: that needs the role "finance", not ${principal.role}.${TOKEN_HINT}`;
    throw new AppError('forbidden', message);
  }
  checkPool(pool);
  await lockOutcomes(trx);
  const before = (await listPools(trx)).find(({ id }) => id === pool.id);
  if (before !== undefined && isSamePool(before, pool)) return { poolId: pool.id, change: 'unchanged' };
  if (before !== undefined && before.currency !== pool.currency && before.outcomes > 0) {
    const message = `Pool "${pool.id}" has outcomes in ${before.currency} and keeps that currency. Make another pool for ${pool.currency}.`;
    throw new AppError('conflict', message);
  }
  await sql`
    insert into outcome_pool (id, name, metric, currency) values (${pool.id}, ${pool.name}, ${pool.metric}, ${pool.currency})
    on conflict (id) do update set name = excluded.name, metric = excluded.metric, currency = excluded.currency`.execute(
    trx,
  );
  const stated = sql`jsonb_to_recordset(${JSON.stringify(pool.ceilings)}::jsonb) as stated ("from" date, "until" date, ceiling numeric)`;
  await sql`
    delete from outcome_pool_ceiling as kept where pool_id = ${pool.id} and not exists (
      select from ${stated} where stated."from" = kept.valid_from and stated."until" = kept.valid_until and stated.ceiling = kept.ceiling)
  `.execute(trx);
  await sql`
    insert into outcome_pool_ceiling (pool_id, valid_from, valid_until, ceiling, set_by, set_at)
    select ${pool.id}, "from", "until", ceiling, ${principal.id}, ${at.toISOString()}::timestamptz from ${stated}
    on conflict (pool_id, valid_from) do nothing`.execute(trx);
  await keepCeilingsOf(trx, pool.id);
  const change = before === undefined ? 'created' : 'changed';
  const action = before === undefined ? 'create-pool' : 'change-pool';
  const details = { name: pool.name, currency: pool.currency, ceilings: pool.ceilings };
  await recordAudit(trx, { at, principal, action, subjectKind: 'outcome_pool', subjectId: pool.id, details });
  return { poolId: pool.id, change };
}

/** Every pool with what its ceilings have left, by id. */
export async function listPools(db: Kysely<DB>): Promise<PoolView[]> {
  const { rows } = await sql<{ view: PoolView }>`
    with use as (select pool_id, valid_from, sum(amount) as used from (${POOL_USE}) as use group by pool_id, valid_from)
    select jsonb_build_object('id', pool.id, 'name', name, 'metric', metric, 'currency', currency,
      'outcomes', (select count(*) from outcome where outcome.pool_id = pool.id),
      'ceilings', (
        select coalesce(jsonb_agg(jsonb_build_object('from', ceiling.valid_from, 'until', valid_until,
          'ceiling', trim_scale(ceiling)::text, 'used', trim_scale(coalesce(used, 0))::text,
          'left', trim_scale(ceiling - coalesce(used, 0))::text, 'setBy', set_by,
          'setAt', to_char(set_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')) order by ceiling.valid_from), '[]')
        from outcome_pool_ceiling as ceiling left join use using (pool_id, valid_from) where ceiling.pool_id = pool.id)
    ) as view from outcome_pool as pool order by pool.id collate "C"`.execute(db);
  return rows.map(({ view }) => view);
}

function isSamePool(before: PoolView, pool: PoolStatement): boolean {
  const same = (one: PoolCeiling, other: PoolCeiling | undefined) =>
    one.from === other?.from &&
    one.until === other.until &&
    compare(decimal(one.ceiling), decimal(other.ceiling)) === 0;
  const sorted = pool.ceilings.toSorted((one, two) => (one.from < two.from ? -1 : 1));
  return (
    before.name === pool.name &&
    before.metric === pool.metric &&
    before.currency === pool.currency &&
    before.ceilings.length === sorted.length &&
    before.ceilings.every((ceiling, position) => same(ceiling, sorted[position]))
  );
}

function checkPool({ id, name, metric, currency, ceilings }: PoolStatement): void {
  const refuse = (message: string) => {
    throw new AppError('invalid_input', message);
  };
  if (!/^[a-z0-9][a-z0-9-]*$/.test(id))
    refuse(`"${id}" is not the id of a pool: use small letters, digits and hyphens.`);
  if (name.trim() === '' || metric.trim() === '') refuse('A pool has a name, and the metric that its outcomes share.');
  if (!isCurrencyCode(currency)) refuse(`"${currency}" is not a known currency. ${currencyFix(currency)}`);
  if (ceilings.length > CEILINGS_MAX)
    refuse(`A pool has at most ${CEILINGS_MAX} ceilings; ${ceilings.length} are given.`);
  const sorted = ceilings.toSorted((one, two) => (one.from < two.from ? -1 : 1));
  for (const [position, { from, until, ceiling }] of sorted.entries()) {
    if (!isIsoDate(from) || !isIsoDate(until) || until <= from) {
      refuse(`"${from}" to "${until}" is not a window. Write both days as YYYY-MM-DD; the end is exclusive.`);
    }
    if (!isDecimalText(ceiling) || compare(decimal(ceiling), ZERO) < 0) {
      refuse(`"${ceiling}" is not a ceiling. Write an amount of zero or more, digits with a point.`);
    }
    const tooLong = faultOfFigure(decimal(ceiling));
    if (tooLong !== null) refuse(`The ceiling of ${from} cannot be kept: ${tooLong.reason}. ${tooLong.fix}`);
    const next = sorted[position + 1];
    if (next !== undefined && next.from < until) {
      refuse(`The windows from ${from} and from ${next.from} overlap. End one where the next begins.`);
    }
  }
}
