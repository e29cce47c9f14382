/** A raise that is asked for and decided by another person, on a real database, with what is written beside it: version, alert, message, audit. */
import { sql } from 'kysely';
import { describe, expect } from 'vitest';
import { listEnvelopes } from '../../services/envelopes/list-envelopes.ts';
import { readEnvelopeHistory } from '../../services/envelopes/list-versions.ts';
import { decideRaise, listRaiseRequests, requestRaise } from '../../services/envelopes/raise-requests.ts';
import { decimal } from '../../services/kernel/decimal.ts';
import type { Principal } from '../../services/kernel/ports.ts';
import type { EnvelopeScope } from '../../services/organisation/organisation.ts';
import { test } from '../support/database.ts';
import { addEnvelope } from '../support/envelope-builders.ts';
import {
  ADA,
  ask,
  AT,
  audited,
  by,
  CHECKOUT,
  COMMERCE,
  GRACE,
  messages,
  ORGANISATION,
  OSCAR,
  person,
  reset,
  RUTH,
  spend,
  UNATTRIBUTED,
  versions,
} from '../support/approvers.ts';

describe('a raise', () => {
  test('waits for its approvers, who are told once, and becomes a version in the name of the one who grants it', async ({
    database,
  }) => {
    const envelopeId = await reset(database);
    const asked = await ask(database, envelopeId, '14000');
    expect(asked).toMatchObject({ state: 'pending', approvers: [GRACE.id, RUTH.id] });
    expect(await ask(database, envelopeId, '14000.00')).toEqual(asked);
    expect(await messages(database)).toEqual([
      `raise-request pending user:${GRACE.id}`,
      `raise-request pending user:${RUTH.id}`,
    ]);
    expect(await decideRaise(database.db, { requestId: asked.requestId, decision: 'grant', ...by(GRACE) })).toEqual({
      state: 'granted',
    });
    expect(await versions(database)).toEqual([
      '1 10000 asserted grace@example.com ',
      '2 14000 granted grace@example.com ',
    ]);
    expect(await audited(database)).toEqual([
      'request-raise ada@example.com',
      'set-envelope grace@example.com',
      'grant-raise grace@example.com',
    ]);
    const { raises, versions: history } = await readEnvelopeHistory(database.db, envelopeId, AT);
    expect(history[1]).toMatchObject({ requestId: asked.requestId, recordedBy: GRACE.id, approvedOn: '2026-09-10' });
    expect(raises).toMatchObject([
      { state: 'granted', decidedBy: GRACE.id, decidedVia: 'api', version: 2, reason: 'Load test' },
    ]);
    // Nobody had to be told any more: the messages were never sent.
    expect(await messages(database)).toEqual([
      `raise-request suppressed user:${GRACE.id}`,
      `raise-request suppressed user:${RUTH.id}`,
    ]);
  });

  test('is judged in the transaction that grants it, and answered in the thread of the alert that it resolves', async ({
    database,
  }) => {
    const envelopeId = await reset(database);
    await spend(database, '9900');
    const { requestId } = await ask(database, envelopeId, '20000');
    await decideRaise(database.db, { requestId, decision: 'grant', ...by(RUTH) });
    expect(await messages(database)).toContain('raise-answer pending in thread');
    const { rows } = await sql`select text from message where kind = 'raise-answer'`.execute(database.db);
    expect(rows).toEqual([
      { text: 'ruth@example.com granted the raise of the envelope of Checkout for September 2026 to $20,000.' },
    ]);
    const [envelope] = await listEnvelopes(database.db, { at: AT });
    expect(envelope).toMatchObject({ version: 2, limit: '20000', used: '0.4950', state: 'ok' });
    const { rows: alerts } = await sql`select episode_state from alert`.execute(database.db);
    expect(alerts).toEqual([{ episode_state: 'cleared' }]);
  });

  test('that is refused keeps the limit and says why, where it was told: in the thread, and in what the approvers read', async ({
    database,
  }) => {
    const envelopeId = await reset(database);
    await spend(database, '9900');
    const { requestId } = await ask(database, envelopeId, '20000');
    await sql`update message set state = 'sent', attempts = 1, slack_ts = '1.1', channel = destination, delivered_revision = 1
      where kind = 'raise-request'`.execute(database.db);
    await decideRaise(database.db, { requestId, decision: 'refuse', reason: 'Wait for <Q4>', ...by(GRACE) });
    expect(await versions(database)).toEqual(['1 10000 asserted grace@example.com ']);
    const { rows } = await sql<{ kind: string; revision: number; text: string }>`
      select kind, revision, text from message where kind in ('raise-answer', 'raise-request') order by kind, destination
    `.execute(database.db);
    expect(rows).toEqual([
      {
        kind: 'raise-answer',
        revision: 1,
        text: 'grace@example.com refused to raise the envelope of Checkout for September 2026 to $20,000: Wait for &lt;Q4&gt;. The limit stays $10,000.',
      },
      ...[GRACE, RUTH].map(() => ({
        kind: 'raise-request',
        revision: 2,
        text: 'ada@example.com asks to raise the envelope of Checkout for September 2026 from $10,000 to $20,000: Load test. $9,900 are spent (99 %). Refused by grace@example.com on 10 Sep.',
      })),
    ]);
    expect(await audited(database)).toContain('refuse-raise grace@example.com');
    await expect(decideRaise(database.db, { requestId, decision: 'grant', ...by(RUTH) })).rejects.toThrow(
      'was refused by grace@example.com on 2026-09-10',
    );
    expect(await ask(database, envelopeId, '20000')).not.toMatchObject({ requestId });
  });

  const deciders: readonly [string, EnvelopeScope, Principal, Principal, 'may' | RegExp][] = [
    ['the pod’s finance partner', CHECKOUT, ADA, GRACE, 'may'],
    ['the portfolio’s finance partner', CHECKOUT, ADA, RUTH, 'may'],
    ['a partner’s address in capitals', CHECKOUT, ADA, person('GRACE@Example.com'), 'may'],
    ['another person of finance', CHECKOUT, ADA, OSCAR, /approved by grace@example.com or ruth@example.com/],
    ['the partner with another role', CHECKOUT, ADA, person(GRACE.id, 'operator'), /has the role operator/],
    ['who asked, as the partner', CHECKOUT, GRACE, GRACE, /cannot decide about it: ruth@example.com does/],
    ['who asked, spelled otherwise', CHECKOUT, GRACE, person('Grace@Example.com'), /cannot decide about it/],
    ['who asked, with a role of finance', CHECKOUT, ADA, person(ADA.id), /cannot decide about it/],
    ['the portfolio’s partner', COMMERCE, GRACE, RUTH, 'may'],
    ['the partner of one of its pods', COMMERCE, OSCAR, GRACE, /approved by ruth@example.com/],
    ['who asked, as its only partner', COMMERCE, RUTH, RUTH, /name another financePartner/],
    ['anybody of finance', ORGANISATION, GRACE, OSCAR, 'may'],
    ['who asked, of the organisation', ORGANISATION, OSCAR, OSCAR, /somebody else of role finance does/],
    ['anybody of finance', UNATTRIBUTED, OSCAR, GRACE, 'may'],
    ['an operator', UNATTRIBUTED, OSCAR, person('op@example.com', 'operator'), /has the role operator/],
  ];
  test('is decided by an approver of the scope, and never by who asked', async ({ database }) => {
    await reset(database);
    for (const [index, [, scope, asker, decider, answer]] of deciders.entries()) {
      const envelopeId = await addEnvelope(database.db, { scope, period: String(2030 + index), limit: '100' });
      const { requestId } = await ask(database, envelopeId, '120', asker);
      const decide = (decision: 'grant' | 'refuse') =>
        decideRaise(database.db, { requestId, decision, ...by(decider) });
      if (answer === 'may') expect(await decide('grant')).toEqual({ state: 'granted' });
      else for (const decision of ['refuse', 'grant'] as const) await expect(decide(decision)).rejects.toThrow(answer);
      expect(await versions(database, envelopeId)).toHaveLength(answer === 'may' ? 2 : 1);
    }
  });

  test('is decided by whom the scope has on that day, though the file was applied before', async ({ database }) => {
    const envelopeId = await reset(database);
    const { db } = database;
    await sql`update pod set finance_partner_email = null where id = 'checkout'`.execute(db);
    await sql`insert into portfolio (id, name, finance_partner_email) values ('retail', 'Retail', ${OSCAR.id})`.execute(
      db,
    );
    await sql`update pod_period set valid_until = '2026-09-10' where pod_id = 'checkout'`.execute(db);
    await sql`insert into pod_period (pod_id, valid_from, valid_until, portfolio_id)
      values ('checkout', '2026-09-10', 'infinity', 'retail')`.execute(db);
    const asked = await ask(database, envelopeId, '12000');
    expect(asked.approvers).toEqual([OSCAR.id]);
    const grant = (principal: Principal) =>
      decideRaise(db, { requestId: asked.requestId, decision: 'grant', ...by(principal) });
    await expect(grant(RUTH)).rejects.toThrow('approved by oscar@example.com');
    expect(await grant(OSCAR)).toEqual({ state: 'granted' });
  });

  test('of which two are decided at once, or which is asked for twice at once, is one decision and one request', async ({
    database,
  }) => {
    const envelopeId = await reset(database);
    const asked = await Promise.all([ask(database, envelopeId, '14000'), ask(database, envelopeId, '14000')]);
    expect(asked[0]).toEqual(asked[1]);
    expect(await messages(database)).toHaveLength(2);
    const requestId = asked[0].requestId;
    const outcomes = await Promise.allSettled([
      decideRaise(database.db, { requestId, decision: 'grant', ...by(GRACE) }),
      decideRaise(database.db, { requestId, decision: 'refuse', ...by(RUTH) }),
      decideRaise(database.db, { requestId, decision: 'grant', ...by(RUTH) }),
    ]);
    expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected', 'rejected']);
    const [request] = await listRaiseRequests(database.db);
    expect(await versions(database)).toHaveLength(request?.state === 'granted' ? 2 : 1);
  });

  test('whose process ends before the commit left nothing, and is one version when it is tried again', async ({
    database,
  }) => {
    const envelopeId = await reset(database);
    const { requestId } = await ask(database, envelopeId, '14000');
    const killed = database.db.transaction().execute(async (trx) => {
      await decideRaise(trx, { requestId, decision: 'grant', ...by(GRACE) });
      throw new Error('killed');
    });
    await expect(killed).rejects.toThrow('killed');
    expect(await versions(database)).toHaveLength(1);
    await decideRaise(database.db, { requestId, decision: 'grant', ...by(GRACE) });
    expect(await versions(database)).toHaveLength(2);
  });

  test('that another version has met meanwhile is settled by it', async ({ database }) => {
    const envelopeId = await reset(database);
    const { requestId } = await ask(database, envelopeId, '14000');
    await addEnvelope(database.db, { scope: CHECKOUT, period: '2026-09', limit: '15000' });
    await decideRaise(database.db, { requestId, decision: 'grant', ...by(GRACE) });
    expect(await versions(database)).toEqual([
      '1 10000 asserted grace@example.com ',
      '2 15000 asserted grace@example.com ',
    ]);
    expect(await listRaiseRequests(database.db)).toMatchObject([{ state: 'granted', version: 2 }]);
  });

  test('that makes no sense, or is not theirs to ask, is refused', async ({ database }) => {
    const envelopeId = await reset(database);
    const refused = [
      ['at the present limit', { limit: '10000' }, 'a raise is the new limit, above that'],
      ['without a reason', { reason: ' ' }, 'needs its reason'],
      ['until a day that is past', { until: '2026-09-09' }, 'from today on'],
      ['until a day beyond its period', { until: '2026-10-01' }, 'ends with 2026-09-30'],
      ['of an envelope that is none', { envelopeId: '77' }, 'There is no envelope 77'],
      [
        'of another pod’s envelope',
        { principal: person('eve@example.com', 'pod', ['search']) },
        'There is no envelope 1',
      ],
      ['by a role that reads', { principal: person('eve@example.com', 'reader') }, 'only reads'],
    ] as const;
    for (const [, given, message] of refused) {
      const asked = { envelopeId, limit: '14000', reason: 'Load test', ...by(ADA), ...given };
      await expect(requestRaise(database.db, { ...asked, limit: decimal(asked.limit) })).rejects.toThrow(message);
    }
    expect(await listRaiseRequests(database.db)).toEqual([]);
  });

  test('waits for the one before it, and a closed envelope has none', async ({ database }) => {
    const envelopeId = await reset(database);
    await ask(database, envelopeId, '14000');
    await expect(ask(database, envelopeId, '15000', GRACE)).rejects.toThrow('ada@example.com has asked to raise');
    const { rows } = await sql`select 1 from raise_request`.execute(database.db);
    expect(rows).toHaveLength(1);
    await reset(database);
    await spend(database, '1');
    await sql`update envelope_state set closed_at = now()`.execute(database.db);
    await expect(ask(database, envelopeId, '14000')).rejects.toThrow('is closed');
  });
});
