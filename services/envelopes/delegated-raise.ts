/**
 * What a portfolio's finance partner has delegated: a raise of a pod that stays within the delegated sum above what a person approved last, and within
 * the portfolio's headroom, needs nobody. Raises granted this way never add up: the next one counts from the same limit.
 */
import { sql, type Transaction } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { add, compare, type Decimal, multiply, subtract, ZERO } from '../kernel/decimal.ts';
import { isSamePerson } from './approvers.ts';
import type { StoredEnvelope } from './envelope-versions.ts';
import { type Headroom, listHeadrooms } from './headroom.ts';
import { joinScopePeople } from './scope-people.ts';
import { keepHeadroomRates } from './version-rates.ts';

/** The finance partner in whose name the raise is granted at once; null where it must be decided. */
export async function delegatedBy(
  trx: Transaction<DB>,
  envelope: StoredEnvelope,
  asked: { limit: Decimal; requestedBy: string; at: Date },
): Promise<string | null> {
  const delegation = await readDelegation(trx, envelope, asked.at);
  if (delegation === null || isSamePerson(delegation.partner, asked.requestedBy)) return null;
  if (delegation.currency !== envelope.newest.currency) return null;
  if (compare(asked.limit, add(delegation.approvedLimit, delegation.limit)) > 0) return null;
  await keepHeadroomRates(trx);
  const headrooms = await listHeadrooms(trx, {
    portfolioId: delegation.portfolioId,
    counting: { start: envelope.start, end: envelope.end },
  });
  const fits = headrooms.length > 0 && headrooms.every((headroom) => fitsInto(headroom, envelope, asked.limit));
  return fits ? delegation.partner : null;
}

/** An envelope inside a longer one of its pod takes nothing from the portfolio by itself. */
function fitsInto(headroom: Headroom, envelope: StoredEnvelope, limit: Decimal): boolean {
  if (headroom.headroom === null || !headroom.pods.some(({ podId }) => podId === envelope.scope.id)) return false;
  const counted = headroom.pods.find(({ envelopeId }) => envelopeId === envelope.envelopeId);
  const taken = counted === undefined ? ZERO : multiply(subtract(limit, counted.limit), counted.rate ?? ZERO);
  return compare(headroom.headroom, taken) >= 0;
}

interface Delegation {
  readonly portfolioId: string;
  readonly partner: string;
  readonly limit: Decimal;
  readonly currency: string;
  /** That of the newest version that was not granted this way. */
  readonly approvedLimit: Decimal;
}

async function readDelegation(
  trx: Transaction<DB>,
  { envelopeId, scope }: StoredEnvelope,
  at: Date,
): Promise<Delegation | null> {
  if (scope.kind !== 'pod') return null;
  const { rows } = await sql<Delegation>`
    select portfolio.id as "portfolioId", portfolio.finance_partner_email as partner,
      trim_scale(portfolio.delegated_raise_limit) as limit, portfolio.delegated_raise_currency as currency,
      trim_scale(approved.envelope_limit) as "approvedLimit"
    from (select 'pod' as kind, ${scope.id}::text as id) as scope
    ${joinScopePeople({ kind: sql`scope.kind`, id: sql`scope.id`, at })}
    join portfolio on portfolio.id = portfolio_people.id and portfolio.removed_at is null
    cross join lateral (
      select envelope_limit, currency from envelope_version as version
      where version.envelope_id = ${envelopeId}::bigint and not exists (
        select from raise_request where raise_request.envelope_id = version.envelope_id
          and raise_request.granted_version = version.version and raise_request.is_delegated)
      order by version.version desc limit 1
    ) as approved
    where portfolio.delegated_raise_limit is not null and portfolio.finance_partner_email is not null
      and approved.currency = portfolio.delegated_raise_currency
  `.execute(trx);
  return rows[0] ?? null;
}
