/** Whatever the organisation is called and however much there is: what Slack is given stays within its published limits. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { envelopeView } from '../../services/alerts/envelope-view.ts';
import { type ButtonFacts, buttonBlocks } from '../../services/alerts/message-buttons.ts';
import { raiseForm, refusalForm } from '../../services/alerts/raise-forms.ts';
import { homeView, standingAnswer } from '../../services/alerts/standing-blocks.ts';
import type { EnvelopeHistory, ListedVersion } from '../../services/envelopes/list-versions.ts';
import type { RaiseRequest } from '../../services/envelopes/raise-rows.ts';
import { decimal } from '../../services/kernel/decimal.ts';
import { areValidBlocks, type Block, faultOfView } from '../support/slack-blocks.ts';
import { SCOPES } from '../support/slack-double.ts';

const LONG = `<!channel> & ${'🦣 a pod of many words '.repeat(40)}`;

const facts = (alerts: number): ButtonFacts => ({
  messageId: '7d3f6c1e-0000-4000-8000-000000000001',
  revision: 3,
  alerts: Array.from({ length: alerts }, (_, index) => ({
    alertId: `7d3f6c1e-0000-4000-8000-0000000001${index + 10}`,
    envelopeId: String(index + 1),
    periodId: index === 0 ? '2026-09-01..2026-09-30' : `2026-${String(index).padStart(2, '0')}`,
    isAcknowledged: false,
    canSnooze: true,
  })),
  raiseRequestId: null,
  heldAlertId: null,
});

const standings = (pods: number) =>
  Array.from({ length: pods }, (_, index) => ({
    podId: `pod-${index}`,
    podName: LONG,
    envelopes: Array.from({ length: 12 }, () => ({
      envelopeId: '1',
      periodId: '2026-09',
      limit: decimal('123456789012345678901234567890.12'),
      currency: 'USD',
      actual: decimal('-0.000000000012'),
      state: 'over' as const,
      dataAsOf: new Date('2026-09-20T00:00:00Z'),
      held: LONG,
      askedLimit: decimal('5'),
    })),
    drift: {
      since: '2026-08-01',
      change: '0.1234',
      perMonth: decimal('123456789012345678901234567890.12'),
      currency: 'USD',
    },
  }));

describe('within the limits of Slack', () => {
  test('are the buttons of one envelope, of ten, and of a raise', () => {
    for (const count of [1, 2, 10]) expect(areValidBlocks(buttonBlocks(facts(count)))).toBe(true);
    const held = { ...facts(0), heldAlertId: '7d3f6c1e-0000-4000-8000-000000000010' };
    expect(areValidBlocks(buttonBlocks(held))).toBe(true);
    const raise = { ...facts(0), raiseRequestId: '7d3f6c1e-0000-4000-8000-000000000009' };
    expect(areValidBlocks(buttonBlocks(raise))).toBe(true);
    expect(buttonBlocks(facts(0))).toEqual([]);
  });

  test('are the forms', () => {
    const subject = {
      alertId: 'a',
      messageId: 'm',
      envelopeId: '1',
      scope: { kind: 'pod', id: 'checkout' },
      scopeName: LONG,
      periodId: '2026-Q4',
      periodEnd: '2027-01-01',
      limit: decimal('10000'),
      currency: 'USD',
      isOpen: true,
    } as const;
    for (const form of [raiseForm(subject, '{}'), refusalForm('{}')]) expect(faultOfView(form)).toBeNull();
    expect(JSON.stringify(raiseForm(subject, '{}'))).not.toContain('<!channel>');
  });

  test('is what Open shows of five envelopes with long histories', () => {
    const version: ListedVersion = {
      version: 1,
      limit: decimal('10000'),
      currency: 'USD',
      costMetric: 'EffectiveCost',
      rungs: [],
      method: 'granted',
      approvedBy: LONG,
      approvedOn: '2026-09-01',
      approval: LONG,
      patterns: [],
      recordedBy: LONG,
      recordedAt: '',
      requestId: null,
      rates: [],
    };
    const scope = { kind: 'pod', id: LONG } as const;
    const raise: RaiseRequest = {
      requestId: '',
      envelopeId: '1',
      scope,
      period: '2026-Q4',
      presentLimit: decimal('1'),
      limit: decimal('2'),
      currency: 'USD',
      until: null,
      reason: LONG,
      requestedBy: LONG,
      requestedVia: 'slack',
      requestedAt: '',
      state: 'granted',
      isDelegated: false,
      decidedBy: LONG,
      decidedVia: 'slack',
      decidedAt: '',
      decisionReason: null,
      version: 2,
      approvers: [],
    };
    const history: EnvelopeHistory = {
      envelopeId: '1',
      scope,
      period: '2026-Q4',
      counts: 'loaded',
      withdrawnAt: null,
      versions: Array.from({ length: 50 }, () => version),
      raises: Array.from({ length: 50 }, () => raise),
    };
    const one = { scopeName: LONG, actual: decimal('-0.5'), dataAsOf: new Date('2026-09-20T00:00:00Z'), history };
    const { blocks, ...view } = envelopeView(Array.from({ length: 5 }, () => one));
    expect(faultOfView({ ...view, blocks })).toBeNull();
    // Plain text has no markup to be feared.
    expect(JSON.stringify(blocks.filter((block) => !('type' in block && block.type === 'header')))).not.toContain('<!');
  });

  test('are the home and the answer of somebody with two hundred pods, or none', () => {
    for (const count of [0, 1, 200]) {
      expect(faultOfView(homeView(standings(count)))).toBeNull();
      const answer = standingAnswer(standings(count));
      expect(areValidBlocks(answer.blocks as Block[])).toBe(true);
      expect(answer.text.length).toBeLessThanOrEqual(4_000);
    }
    expect(faultOfView(homeView(null))).toBeNull();
  });
});

describe('the manifests', () => {
  const read = (name: string): unknown =>
    parse(readFileSync(join(import.meta.dirname, `../../docs/slack/${name}`), 'utf8'));

  test('ask for the scopes that are used, and differ in the way Slack calls alone', () => {
    const manifest = read('manifest.yaml');
    expect(manifest).toMatchObject({
      oauth_config: { scopes: { bot: SCOPES } },
      settings: { socket_mode_enabled: false },
    });
    const socket = JSON.stringify(read('manifest-socket-mode.yaml'));
    const here = JSON.stringify(manifest)
      .replaceAll(/"(?:request_)?url":"https:\/\/outturn\.example\.com\/api\/v1\/webhooks\/slack",/g, '')
      .replace(',"request_url":"https://outturn.example.com/api/v1/webhooks/slack"', '')
      .replace('"socket_mode_enabled":false', '"socket_mode_enabled":true');
    expect(socket).toBe(here);
  });
});
