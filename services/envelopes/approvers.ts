/**
 * Who may decide about a scope's envelopes: its finance partner, or that of the pod's portfolio; for the organisation and the unattributed, and where
 * nobody is named, anybody of role finance. Never who asks for it. One function holds both for every surface.
 */
import { type Kysely, sql } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { AppError } from '../kernel/errors.ts';
import type { Principal } from '../kernel/ports.ts';
import type { EnvelopeScope } from '../organisation/organisation.ts';
import { describeScope } from './envelope-versions.ts';
import { joinScopePeople } from './scope-people.ts';

export interface Approvers {
  /** The finance partners named for the scope, the pod's before its portfolio's; none: anybody of role finance. */
  readonly named: readonly string[];
}

/** The finance partners of the scope on that day. */
export async function readApprovers(db: Kysely<DB>, scope: EnvelopeScope, at: Date): Promise<Approvers> {
  if (scope.kind !== 'pod' && scope.kind !== 'portfolio') return { named: [] };
  const { rows } = await sql<{ pod_partner: string | null; portfolio_partner: string | null }>`
    select pod_people.finance_partner_email as pod_partner, portfolio_people.finance_partner_email as portfolio_partner
    from (select ${scope.kind}::text as kind, ${scope.id}::text as id) as scope
    ${joinScopePeople({ kind: sql`scope.kind`, id: sql`scope.id`, at })}
  `.execute(db);
  const partners = rows.flatMap((row) => [row.pod_partner, row.portfolio_partner]).filter((one) => one !== null);
  return { named: [...new Map(partners.map((partner) => [partner.toLowerCase(), partner])).values()] };
}

/** People are e-mail addresses, whose case means nothing. */
export function isSamePerson(one: string, other: string): boolean {
  return one.toLowerCase() === other.toLowerCase();
}

/** Who of them is asked about what this person asks for. */
export function approversBeside(approvers: Approvers, requestedBy: string): string[] {
  return approvers.named.filter((partner) => !isSamePerson(partner, requestedBy));
}

/**
 * Lets only an approver of the scope pass, and never the person who asked.
 * @throws AppError forbidden
 */
export function requireApprover(
  scope: EnvelopeScope,
  given: { approvers: Approvers; principal: Principal; requestedBy: string | null },
): void {
  const { approvers, principal, requestedBy } = given;
  if (requestedBy !== null && isSamePerson(requestedBy, principal.id)) {
    throw new AppError(
      'forbidden',
      `${principal.id} asked for this raise and cannot decide about it: ${describeApprovers(approvers, requestedBy)}.`,
    );
  }
  if (principal.role !== 'finance') {
    throw new AppError(
      'forbidden',
      `Finance approves envelopes; ${principal.id} has the role ${principal.role}. Set OUTTURN_TOKEN to the token of somebody with the role finance, or use the API.`,
    );
  }
  const isNamed = approvers.named.some((partner) => isSamePerson(partner, principal.id));
  if (approvers.named.length > 0 && !isNamed) {
    throw new AppError(
      'forbidden',
      `The envelopes of ${describeScope(scope)} are approved by ${approvers.named.join(' or ')}, its finance partner, not by ${principal.id}.`,
    );
  }
}

function describeApprovers(approvers: Approvers, requestedBy: string): string {
  if (approvers.named.length === 0) return 'somebody else of role finance does';
  const others = approversBeside(approvers, requestedBy);
  return others.length === 0
    ? 'name another financePartner, of the pod or its portfolio, in the organisation file'
    : `${others.join(' or ')} does`;
}
