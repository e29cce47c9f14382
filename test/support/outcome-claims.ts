/** Claims that have everything a verification needs, recorded and verified by those who may; a test names the fields that it is about. */
import { sql, type Transaction } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import type { Principal } from '../../services/kernel/ports.ts';
import { createOutcome } from '../../services/outcomes/acts/create-outcome.ts';
import { type VerificationRequest, verifyOutcome } from '../../services/outcomes/acts/verify-outcome.ts';
import type { OutcomeInput } from '../../services/outcomes/statement/outcome-input.ts';
import { FINANCE } from './outcome-sheets.ts';

/** When everything is said and done. */
export const AT = new Date('2026-09-20T08:00:00Z');
export const POD: Principal = { id: 'dev@example.com', role: 'pod', pods: ['checkout'] };
/** A tenth is nobody's. */
export const SHARED = [
  { pod: 'checkout', basisPoints: 6000 },
  { pod: 'search', basisPoints: 3000 },
];

/** What every claim needs; a verification asks for more. */
export const STATED: OutcomeInput = {
  title: 'Fewer refunds',
  deliveredOn: '2026-08-01',
  basis: 'cost_reduction',
  ownerEmail: 'ada@example.com',
  shares: [{ pod: 'checkout', basisPoints: 10_000 }],
  amount: '300',
  currency: 'USD',
};

/** Fields of a claim; undefined takes one away. */
export type ClaimFields = { readonly [Field in keyof OutcomeInput]?: OutcomeInput[Field] | undefined };

/** Takes away what only a verification needs. */
export const BARE: ClaimFields = { baseline: undefined, evidenceUrl: undefined, schedule: undefined };

/** A claim with everything that a verification needs. */
export function verifiable(fields: ClaimFields = {}): OutcomeInput {
  return {
    ...STATED,
    schedule: [
      { from: '2026-08-01', until: '2026-09-01', amount: '100' },
      { from: '2026-09-01', until: '2026-10-01', amount: '200' },
    ],
    baseline: { text: 'refunds of the quarter before', isOwnBill: false },
    evidenceUrl: 'https://evidence.example.com/refunds',
    ...fields,
  } as OutcomeInput;
}

/** Records such a claim; its id. */
export async function claim(
  trx: Transaction<DB>,
  fields: ClaimFields = {},
  principal: Principal = POD,
): Promise<string> {
  const { outcomeId } = await createOutcome(trx, { input: verifiable(fields), principal, at: AT });
  return outcomeId;
}

/** FINANCE verifies it, where nobody else is named. */
export function verify(trx: Transaction<DB>, outcomeId: string, request: Partial<VerificationRequest> = {}) {
  return verifyOutcome(trx, { outcomeId, principal: FINANCE, at: AT, ...request });
}

/** What counts of all outcomes, row by row: state, days and amount. */
export async function counted(trx: Transaction<DB>): Promise<string[]> {
  const { rows } = await sql<{ state: string; from: string; until: string; amount: string }>`
    select state, counted_from as from, counted_until as until, trim_scale(amount)::text as amount
    from counted_schedule order by outcome_id, ordinal, counted_from`.execute(trx);
  return rows.map(({ state, from, until, amount }) => `${state} ${from} ${until} ${amount}`);
}
