/**
 * What a change of rules, splits, tag spellings or exchange rates moves, in money: told from the figures before and after it, within the
 * transaction that makes the change or only pretends to.
 */
import { sql, type Transaction } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import type { CostMetric } from '../attribution/rulebook.ts';
import type { NumberedRulebook } from '../attribution/store-rulebook.ts';
import { pairRates } from './former-figures.ts';
import { compareRules, type MovedCharges, readMovedCharges } from './moved-charges.ts';
import { comparePodMonths, type PlannedFigures } from './planned-figures.ts';

export interface PlanMoney extends PlannedFigures, MovedCharges {
  /** The currency and cost metric of the file, in which both sides are given. */
  readonly currency: string;
  readonly costMetric: CostMetric;
  /** The counter of figures that this was told on: a bill that is published afterwards raises it. */
  readonly figuresVersion: string;
  /** Whether no figure and no line's attribution changes. */
  readonly unchanged: boolean;
  /** Exchange rates that are new or corrected. */
  readonly changedRates: number;
}

/** Tells the change; `rememberFigures` was called before it, both rulebooks are ready for the loads, and pod_day is that of `to`. */
export async function tellMoney(
  trx: Transaction<DB>,
  change: {
    from: NumberedRulebook;
    to: NumberedRulebook;
    loadIds: readonly string[];
    currency: string;
    costMetric: CostMetric;
    changedRates: number;
    figuresVersion: string;
  },
): Promise<PlanMoney> {
  const { from, to, loadIds, currency, costMetric, changedRates, figuresVersion } = change;
  await pairRates(trx, currency);
  const figures = await comparePodMonths(trx, { currency, costMetric, daysMoved: from.id !== to.id });
  const moved = await readMovedCharges(trx, {
    from: from.id,
    to: to.id,
    loadIds,
    currency,
    costMetric,
    change: compareRules(from.content, to.content),
  });
  const unchanged = figures.pods.length === 0 && moved.linesAffected === '0';
  return { currency, costMetric, figuresVersion, unchanged, changedRates, ...figures, ...moved };
}

/** The counter of figures as it stands. */
export async function readFiguresVersion(trx: Transaction<DB>): Promise<string> {
  const { rows } = await sql<{ version: string }>`select figures_version::text as version from organisation`.execute(
    trx,
  );
  return rows[0]?.version ?? '0';
}
