/** Builders for tests of outcomes: pods to claim for, and sheets of which only the interesting cells are written. */
import { type Kysely, sql, type Transaction } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import type { Principal } from '../../services/kernel/ports.ts';
import { createOutcome } from '../../services/outcomes/acts/create-outcome.ts';
import { importOutcomes } from '../../services/outcomes/sheets/import-outcomes.ts';
import type { OutcomeInput } from '../../services/outcomes/statement/outcome-input.ts';
import { readGates } from '../../services/outcomes/gates/read-gates.ts';
import { missingForVerification } from '../../services/outcomes/gates/verification-gates.ts';
import { verifyOutcome } from '../../services/outcomes/acts/verify-outcome.ts';

export const FINANCE: Principal = { id: 'grace@example.com', role: 'finance', pods: [] };
/** Verifies what FINANCE recorded. */
export const VERIFIER: Principal = { id: 'luca@example.com', role: 'finance', pods: [] };
export const VERIFIED = { state: 'verified', verified_by: VERIFIER.id } as const;

const COLUMNS = [
  'source_row_id',
  'pod',
  'outcome_type',
  'title',
  'delivered_on',
  'quantity',
  'unit',
  'basis',
  'gross_or_margin',
  'amount',
  'currency',
  'recognise_from',
  'recognise_until',
  'share_bp',
  'owner_email',
  'baseline',
  'evidence_url',
  'state',
  'verified_by',
  'own_bill_baseline',
  'amount_low',
  'amount_high',
  'agreed_by',
  'review_due_on',
  'effect',
] as const;

export type SheetCells = Partial<Record<(typeof COLUMNS)[number], string>>;

/** A row that is right as it stands, with everything that a verification needs; cells given replace its own. */
export function outcomeRow(cells: SheetCells = {}): SheetCells {
  const evidence = [cells.source_row_id ?? 'r1', cells.title ?? ''].join('-').replaceAll(' ', '-');
  return {
    source_row_id: 'r1',
    baseline: 'the quarter before',
    evidence_url: `https://evidence.example.com/${evidence}`,
    ...(cells.basis === 'cost_reduction' ? { own_bill_baseline: 'no' } : {}),
    ...(cells.basis === 'risk_reduced' ? { amount_low: '0', amount_high: '1000000' } : {}),
    pod: 'checkout',
    title: 'Faster checkout',
    delivered_on: '2026-07-10',
    basis: 'revenue',
    gross_or_margin: 'margin',
    amount: '1000.00',
    currency: 'USD',
    owner_email: 'ada@example.com',
    state: 'claimed',
    ...cells,
  };
}

/** The sheet's text, with every column of the contract. */
export function outcomeSheet(...rows: readonly SheetCells[]): string {
  const lines = rows.map((row) => COLUMNS.map((column) => row[column] ?? '').join(','));
  return `${[COLUMNS.join(','), ...lines].join('\n')}\n`;
}

/** FINANCE records the sheet, and VERIFIER verifies the rows that say so, by importing it too. */
export async function importVerified(db: Kysely<DB>, given: { sheet: string; workbook: string; at: Date }) {
  await importOutcomes(db, { ...given, principal: FINANCE, dryRun: false });
  return importOutcomes(db, { ...given, principal: VERIFIER, dryRun: false });
}

/** FINANCE states the outcome, and VERIFIER verifies it where it asks for that and nothing is missing. Its id. */
export async function stateOutcome(trx: Transaction<DB>, given: { input: OutcomeInput; at: Date }): Promise<string> {
  const { state, ...input } = given.input;
  const { outcomeId } = await createOutcome(trx, { input, principal: FINANCE, at: given.at });
  const gates = (await readGates(trx, [outcomeId])).get(outcomeId);
  if (state === 'verified' && gates !== undefined && missingForVerification(gates).length === 0) {
    await verifyOutcome(trx, { outcomeId, principal: VERIFIER, at: given.at });
  }
  return outcomeId;
}

/** Inserts pods, each owned by `<id>-owner@example.com`. */
export async function insertPods(
  db: Kysely<DB>,
  ...pods: readonly { id: string; kind?: 'delivery' | 'platform' | 'central'; portfolio?: string }[]
): Promise<void> {
  for (const { id, kind = 'delivery', portfolio } of pods) {
    if (portfolio !== undefined) {
      await db
        .insertInto('portfolio')
        .values({ id: portfolio, name: portfolio })
        .onConflict((conflict) => conflict.doNothing())
        .execute();
    }
    const name = id.replace(/^./, (letter) => letter.toUpperCase());
    await db
      .insertInto('pod')
      .values({ id, name, kind, portfolio_id: portfolio ?? null, owner_email: `${id}-owner@example.com` })
      .execute();
  }
}

/** As after a restored database or a changed policy: what was published, and what was resolved from it, is gone. */
export async function forgetRates(db: Kysely<DB>, base: string): Promise<void> {
  await sql`delete from fx_rate where base_currency = ${base}`.execute(db);
  await sql`delete from conversion_rate where from_currency = ${base}`.execute(db);
}
