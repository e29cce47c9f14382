/** The model's outcomes as they are asked of the product. */
import { FINANCE } from './outcome-sheets.ts';
import { type ModelOutcome, textOf } from './value-model.ts';
import { amountOf, type Terms } from './value-steps.ts';

export const VERIFIER = { ...FINANCE, id: 'luca@example.com' };
export const POOL = { id: 'churn', name: 'Churn', metric: 'customers kept', currency: 'USD' };

/** Neither refused nor taken back. */
export function isTold({ state }: ModelOutcome): boolean {
  return state !== 'rejected' && state !== 'retracted';
}

/** What a claim says; its verdicts apart. */
export function statedBy(outcome: ModelOutcome): string {
  const { basis, grossOrMargin, effect, currency, rows, shares, reviewDueOn } = outcome;
  const stated = rows.map(({ from, until, amount }) => [from, until, textOf(amount)]);
  return JSON.stringify([basis, grossOrMargin, effect, currency, stated, shares, reviewDueOn]);
}

/** Nothing pays before it is delivered: where a row begins before the day that was drawn, that is the day. */
export function deliveredBy({ deliveredOn, rows }: Pick<ModelOutcome, 'deliveredOn' | 'rows'>): string {
  return rows.reduce((first, { from }) => (from < first ? from : first), deliveredOn);
}

/** As a claim of a known outcome is asked for. */
export function claimOf(terms: Terms) {
  const schedule = terms.rows.map(({ from, until, amount }) => ({ from, until, amount: textOf(amount) }));
  return {
    basis: terms.basis,
    effect: terms.effect,
    shares: Object.entries(terms.shares).map(([pod, basisPoints]) => ({ pod, basisPoints })),
    ...(terms.grossOrMargin === null ? {} : { grossOrMargin: terms.grossOrMargin }),
    ...(terms.reviewDueOn === null ? {} : { reviewDueOn: terms.reviewDueOn }),
    ...(terms.currency === null ? {} : { amount: textOf(amountOf(terms)), currency: terms.currency, schedule }),
  };
}

/** As a new one is, with everything that a verification needs. */
export function inputOf(outcome: ModelOutcome, title: string) {
  return {
    ...claimOf(outcome),
    title,
    deliveredOn: outcome.deliveredOn,
    ownerEmail: 'owner@example.com',
    baseline: { text: 'the year before', isOwnBill: false },
    evidenceUrl: `https://evidence.example.com/${title.replace(' ', '/')}`,
    ...(outcome.isPooled ? { pool: POOL.id } : {}),
    references: [{ system: 'model', key: title }],
  };
}
