/** A company whose limits somebody approves: who they are, an envelope of 10,000, and what can be read of what became of it. */
import { sql } from 'kysely';
import { listAuditEvents } from '../../services/audit/list-audit-events.ts';
import { evaluateEnvelopes } from '../../services/envelopes/evaluate-envelopes.ts';
import type { Deciding } from '../../services/envelopes/grant-version.ts';
import { readEnvelopeHistory } from '../../services/envelopes/list-versions.ts';
import { requestRaise } from '../../services/envelopes/raise-requests.ts';
import { decimal } from '../../services/kernel/decimal.ts';
import type { Principal } from '../../services/kernel/ports.ts';
import type { TestDatabase } from './database.ts';
import { addEnvelope, addLoad, addPod, setCost } from './envelope-builders.ts';

export const AT = new Date('2026-09-10T08:00:00Z');
export const CHECKOUT = { kind: 'pod', id: 'checkout' } as const;
export const COMMERCE = { kind: 'portfolio', id: 'commerce' } as const;
export const ORGANISATION = { kind: 'organisation', id: null } as const;
export const UNATTRIBUTED = { kind: 'unattributed', id: null } as const;

export const person = (id: string, role: Principal['role'] = 'finance', pods: string[] = []): Principal => ({
  id,
  role,
  pods,
});
export const ADA = person('ada@example.com', 'pod', ['checkout']);
export const GRACE = person('grace@example.com');
export const RUTH = person('ruth@example.com');
export const OSCAR = person('oscar@example.com');
export const by = (principal: Principal): Deciding => ({ principal, via: 'api', at: AT });

/** Checkout (finance partner Grace) and search in commerce (finance partner Ruth); checkout has 10,000 for September. */
export async function reset({ db }: TestDatabase): Promise<string> {
  await sql`truncate raise_request, alert, message, envelope_state, envelope_version_rate, envelope_version, envelope, activation, pattern,
    pod_day, pod_period, pod, portfolio, load, fx_rate, conversion_rate, audit_event restart identity cascade`.execute(
    db,
  );
  await sql`update organisation set name = 'Acme', rulebook_id = 0, finance_channel = 'C0FINANCE'`.execute(db);
  await sql`insert into portfolio (id, name, finance_partner_email) values ('commerce', 'Commerce', ${RUTH.id})`.execute(
    db,
  );
  for (const id of ['checkout', 'search']) {
    await addPod(db, { id, slackChannel: `C0${id.toUpperCase()}` });
    await sql`insert into pod_period (pod_id, valid_from, valid_until, portfolio_id)
      values (${id}, '-infinity', 'infinity', 'commerce')`.execute(db);
  }
  await sql`update pod set portfolio_id = 'commerce', name = initcap(id)`.execute(db);
  await sql`update pod set finance_partner_email = ${GRACE.id} where id = 'checkout'`.execute(db);
  return addEnvelope(db, { scope: CHECKOUT, period: '2026-09', limit: '10000' });
}

export async function delegate({ db }: TestDatabase, limit: string, currency = 'USD'): Promise<void> {
  await sql`update portfolio set delegated_raise_limit = ${limit}::numeric, delegated_raise_currency = ${currency}`.execute(
    db,
  );
}

export async function spend({ db }: TestDatabase, amount: string): Promise<void> {
  await setCost(db, { date: '2026-09-05', pod: 'checkout', amount });
  const loadId = await addLoad(db, {
    billingPeriod: '2026-09',
    throughDay: '2026-09-09',
    publishedAt: AT.toISOString(),
  });
  await db.transaction().execute((trx) => evaluateEnvelopes(trx, { at: AT, cause: 'load', loadId }));
}

export const ask = (database: TestDatabase, envelopeId: string, limit: string, principal = ADA) =>
  requestRaise(database.db, { envelopeId, limit: decimal(limit), reason: 'Load test', ...by(principal) });

export async function versions({ db }: TestDatabase, envelopeId = '1'): Promise<string[]> {
  const { versions: found } = await readEnvelopeHistory(db, envelopeId, AT);
  return found.map((one) => [one.version, one.limit, one.method, one.approvedBy, one.approval].join(' '));
}

export async function messages({ db }: TestDatabase): Promise<string[]> {
  const { rows } = await sql<{ line: string }>`
    select concat_ws(' ', kind, state, coalesce(destination, case when reply_to_message_id is null then null else 'in thread' end)) as line
    from message where kind <> 'crossing' order by created_at, kind desc, destination
  `.execute(db);
  return rows.map(({ line }) => line);
}

export async function audited({ db }: TestDatabase): Promise<string[]> {
  const events = await listAuditEvents(db, { before: null, limit: 50 });
  return events.map(({ action, principal }) => `${action} ${principal}`).reverse();
}
