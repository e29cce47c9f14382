/**
 * What a person is in the organisation, by their e-mail address: owner or finance partner of pods and portfolios, and what their API tokens
 * let them do. A chat service says who somebody is; what they may do is decided here.
 */
import { type Kysely, sql } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { utcDate } from '../kernel/period.ts';
import type { Principal } from '../kernel/ports.ts';
import type { EnvelopeScope } from '../organisation/organisation.ts';

export interface PersonStanding {
  readonly email: string;
  /** Owned, or in a portfolio that is. */
  readonly ownedPods: readonly string[];
  readonly ownedPortfolios: readonly string[];
  /** Whose finance partner they are, or whose portfolio's. */
  readonly partneredPods: readonly string[];
  readonly partneredPortfolios: readonly string[];
  /** Roles of their valid tokens. */
  readonly roles: readonly string[];
  /** Pods of their valid tokens of role pod. */
  readonly tokenPods: readonly string[];
}

/** Null for a person unknown to the organisation. */
export async function readPersonStanding(
  db: Kysely<DB>,
  person: { email: string; at: Date },
): Promise<PersonStanding | null> {
  const email = person.email.toLowerCase();
  const { rows } = await sql<StandingRow>`
    with token as (
      select role, pods from api_token
      where lower(principal) = ${email} and revoked_at is null and expires_at > ${person.at.toISOString()}
    ),
    -- As the file dates owner and portfolio: the pod's own row is of the day it was applied.
    today as (
      select pod.id, coalesce(period.owner_email, pod.owner_email) as owner_email, pod.finance_partner_email,
        coalesce(period.portfolio_id, pod.portfolio_id) as portfolio_id
      from pod
      left join pod_period as period on period.pod_id = pod.id and period.valid_from <= ${utcDate(person.at)}::date
        and period.valid_until > ${utcDate(person.at)}::date
      where pod.removed_at is null
    )
    select
      array(select today.id from today left join portfolio on portfolio.id = today.portfolio_id
        where ${email} in (lower(today.owner_email), lower(portfolio.owner_email)) order by today.id) as owned_pods,
      array(select id from portfolio where removed_at is null and lower(owner_email) = ${email} order by id) as owned_portfolios,
      array(select today.id from today left join portfolio on portfolio.id = today.portfolio_id
        where ${email} in (lower(today.finance_partner_email), lower(portfolio.finance_partner_email))
        order by today.id) as partnered_pods,
      array(select id from portfolio where removed_at is null and lower(finance_partner_email) = ${email} order by id)
        as partnered_portfolios,
      array(select distinct role from token order by role) as roles,
      array(select distinct unnest(pods) from token where role = 'pod' order by 1) as token_pods
  `.execute(db);
  const [row] = rows;
  if (row === undefined) return null;
  const standing = {
    email,
    ownedPods: row.owned_pods,
    ownedPortfolios: row.owned_portfolios,
    partneredPods: row.partnered_pods,
    partneredPortfolios: row.partnered_portfolios,
    roles: row.roles,
    tokenPods: row.token_pods,
  };
  const { email: _email, ...places } = standing;
  return Object.values(places).every((list) => list.length === 0) ? null : standing;
}

interface StandingRow {
  owned_pods: string[];
  owned_portfolios: string[];
  partnered_pods: string[];
  partnered_portfolios: string[];
  roles: string[];
  token_pods: string[];
}

/** Whom the person acts as in a scope: its finance, its owner, an operator. Null where it is not theirs. */
export function principalInScope(standing: PersonStanding, scope: EnvelopeScope): Principal | null {
  const { email, roles } = standing;
  const isPartner = has(scope, standing.partneredPods, standing.partneredPortfolios);
  if (isPartner || roles.includes('finance')) return { id: email, role: 'finance', pods: [] };
  if (has(scope, standing.ownedPods, standing.ownedPortfolios) || has(scope, standing.tokenPods, [])) {
    return { id: email, role: 'pod', pods: [...new Set([...standing.ownedPods, ...standing.tokenPods])] };
  }
  return roles.includes('operator') ? { id: email, role: 'operator', pods: [] } : null;
}

/** Whether the person may read of a scope: it is theirs in any way, or they read the whole organisation. */
export function mayReadScope(standing: PersonStanding, scope: EnvelopeScope): boolean {
  const isWholeReader = standing.roles.some((role) => ['finance', 'cio', 'operator', 'reader'].includes(role));
  return isWholeReader || principalInScope(standing, scope) !== null;
}

function has(scope: EnvelopeScope, pods: readonly string[], portfolios: readonly string[]): boolean {
  if (scope.kind === 'pod') return pods.includes(scope.id);
  return scope.kind === 'portfolio' && portfolios.includes(scope.id);
}
