/**
 * A candidate: something was delivered that may be worth claiming, as a ticket or a deployment says. It never counts. It has a title, a
 * day, a pod, an owner, its references and evidence; its basis reads `strategic`, the one without money or count, until somebody claims it.
 */
import type { Transaction } from 'kysely';
import type { DB } from '../../../db/schema.gen.ts';
import { recordAudit } from '../../audit/record-audit.ts';
import { type Principal, systemPrincipal } from '../../kernel/ports.ts';
import type { IsoDate } from '../../kernel/period.ts';
import { BASIS_POINTS_WHOLE, NOTHING_FURTHER, type OutcomeReference } from '../outcome.ts';
import { planOutcomes, type SavedOutcome } from '../plan-outcomes.ts';
import { saveOutcomes } from '../save-outcomes.ts';

export interface CandidateStatement {
  readonly title: string;
  readonly deliveredOn: IsoDate;
  readonly podId: string;
  /** At least one: the same reference again is the same candidate. */
  readonly references: readonly OutcomeReference[];
  /** Where it can be looked at. */
  readonly evidence: readonly { readonly uri: string; readonly title: string | null }[];
  /** Null: the pod's owner as of now. */
  readonly ownerEmail: string | null;
  readonly at: Date;
  /** The system itself if absent. */
  readonly principal?: Principal;
}

/** The owner where nobody is named: whoever claims it names one. */
const UNKNOWN_OWNER = 'unknown';

/**
 * States a candidate in the caller's transaction. One that is known changes to what is stated now while it is a candidate; what was
 * claimed, or refused, since then stays as it is.
 * @throws AppError conflict where its references name two outcomes.
 */
export async function stateCandidate(trx: Transaction<DB>, candidate: CandidateStatement): Promise<SavedOutcome> {
  const { at, principal = systemPrincipal } = candidate;
  const pod = await trx
    .selectFrom('pod')
    .select('owner_email')
    .where('id', '=', candidate.podId)
    .executeTakeFirstOrThrow();
  const statement = {
    content: {
      title: candidate.title,
      outcomeType: null,
      unit: null,
      quantity: null,
      basis: 'strategic',
      grossOrMargin: null,
      amount: null,
      amountLow: null,
      amountHigh: null,
      currency: null,
      deliveredOn: candidate.deliveredOn,
      schedule: [],
      shares: [{ podId: candidate.podId, basisPoints: BASIS_POINTS_WHOLE }],
      ownerEmail: candidate.ownerEmail ?? pod.owner_email ?? UNKNOWN_OWNER,
      baseline: null,
      evidenceUrl: null,
      references: candidate.references,
      ...NOTHING_FURTHER,
    },
    state: 'candidate',
    verifiedBy: null,
    sheetRow: null,
    evidence: candidate.evidence.map((link) => ({ ...link, sha256: null })),
  } as const;
  const stated = [statement];
  const plan = await planOutcomes(trx, stated);
  const [saved] = await saveOutcomes(trx, { stated, plan, principal, at });
  if (saved === undefined) throw new Error('one statement must give one outcome');
  if (saved.change !== 'unchanged' && saved.outcomeId !== null) {
    const action = saved.change === 'created' ? 'create-outcome' : 'change-outcome';
    const details = { version: saved.version, state: saved.state };
    await recordAudit(trx, { at, principal, action, subjectKind: 'outcome', subjectId: saved.outcomeId, details });
  }
  return saved;
}
