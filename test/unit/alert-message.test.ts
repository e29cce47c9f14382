/** The words of an alert: complete without blocks, escaped, within Slack's limits whatever the names are. */
import { describe, expect, test } from 'vitest';
import { composeMessage, type MessageFacts, type MessagePart } from '../../services/alerts/compose-message.ts';
import { composeFailureNotice } from '../../services/alerts/failure-notice.ts';
import { formatMoney, formatPeriod, formatShare } from '../../services/alerts/format-figures.ts';
import { cutEscaped } from '../../services/alerts/slack-text.ts';
import { decimal } from '../../services/kernel/decimal.ts';

const PART: MessagePart = {
  periodId: '2026-Q4',
  periodStart: '2026-10-01',
  periodEnd: '2027-01-01',
  actual: decimal('40312.4'),
  limit: decimal('50000'),
  currency: 'USD',
  reason: 'spend',
  formerLimit: null,
  limitReachedOn: '2026-12-01',
  approvedBy: 'Grace',
  approval: 'FIN-1234',
  patternNames: [],
  state: 'open',
  told: null,
};

function facts(overrides: Partial<MessageFacts> = {}, part: Partial<MessagePart> = {}): MessageFacts {
  return {
    scopeKind: 'pod',
    scopeName: 'Checkout',
    parts: [{ ...PART, ...part }],
    through: '2026-11-19',
    late: [],
    increases: [],
    acts: [],
    ...overrides,
  };
}

describe('an alert reads like a colleague', () => {
  test('with everything known', () => {
    const late = [{ sourceId: 'Azure', daysBehind: 1 }];
    const increases = [{ serviceName: 'Amazon RDS', increase: decimal('1234.56') }];
    expect(composeMessage(facts({ late, increases })).text).toBe(
      'Checkout has spent at least $40,312 of its approved $50,000 for Q4 2026 (80 %), with 54 % of the quarter gone. ' +
        'At this pace the limit is reached on 1 Dec. ' +
        'Largest increases, the last 14 days against the 14 before: Amazon RDS +$1,235. ' +
        'Data through 19 Nov; Azure is a day behind. Approved by Grace (FIN-1234).',
    );
  });

  test('over the limit, without a pace or an approval', () => {
    const over = { actual: decimal('52000'), limitReachedOn: null, approvedBy: null, approval: null };
    expect(composeMessage(facts({}, over)).text).toBe(
      'Checkout has spent $52,000, over its envelope of $50,000 for Q4 2026 (104 %), with 54 % of the quarter gone. ' +
        'Data through 19 Nov. No approval is recorded.',
    );
  });

  test('after a limit was lowered, of a pattern, for other scopes', () => {
    const lowered = { reason: 'limit lowered', formerLimit: decimal('60000') } as const;
    expect(composeMessage(facts({}, lowered)).text).toContain('The limit for Q4 2026 was lowered from $60,000.');
    expect(composeMessage(facts({}, { patternNames: ['Analytics environment'] })).text).toContain(
      'Approved with the pattern Analytics environment (Grace).',
    );
    expect(composeMessage(facts({ scopeKind: 'unattributed' })).text).toMatch(
      /^Cost that no pod answers for has reached \$40,312 /,
    );
    expect(composeMessage(facts({ scopeKind: 'organisation', scopeName: 'Acme' })).text).toMatch(
      /^Acme as a whole has spent /,
    );
  });

  test('has a header that says whose, how much of what, and how it ended', () => {
    const headerOf = (message: { blocks: readonly unknown[] }) => message.blocks[0] as { text: { text: string } };
    const titled = (overrides: Partial<MessageFacts>, part: Partial<MessagePart> = {}) =>
      headerOf(composeMessage(facts(overrides, part))).text.text;
    expect(titled({})).toBe('Checkout: 80 % of Q4 2026');
    expect(titled({}, { actual: decimal('52000') })).toBe('Checkout: 104 % of Q4 2026, over the limit');
    expect(titled({}, { state: 'cleared', actual: decimal('36000') })).toBe('Checkout: cleared, 72 % of Q4 2026');
    expect(titled({ scopeKind: 'unattributed' }, { state: 'closed', actual: decimal('51000') })).toBe(
      'Unattributed: closed at 102 % of Q4 2026',
    );
    const month = { ...PART, periodId: '2026-11', state: 'cleared', actual: decimal('60000') } as const;
    expect(titled({ parts: [month, PART] })).toBe('Checkout: 120 % of November 2026 and 80 % of Q4 2026');
    expect(titled({ scopeName: `A  <b>&\n${'x'.repeat(300)}` })).toMatch(/^A <b>& x{142}…$/);
  });

  test('a figure that fell under another limit is not said to be the bill’s alone', () => {
    const told = { actual: decimal('41000'), limit: decimal('50000') };
    expect(composeMessage(facts({}, { told })).text).toContain('The bill for Q4 2026 was restated by -$688.');
    const raised = composeMessage(facts({}, { told, limit: decimal('60000') })).text;
    expect(raised).toContain('The figure for Q4 2026 is $688 less than first told. The limit for Q4 2026 went from');
  });

  test('foreign text cannot mention anybody or make a link', () => {
    const { text, blocks } = composeMessage(facts({ scopeName: '<!channel> & <http://evil|here>' }));
    expect(text).toContain('&lt;!channel&gt; &amp; &lt;http://evil|here&gt;');
    // A header is plain text, in which nothing is markup, nor a name of an emoji one.
    const [header, ...others] = blocks;
    expect(header).toMatchObject({ text: { type: 'plain_text', emoji: false } });
    expect(JSON.stringify(others)).not.toContain('<');
    // Nor does Slack make a link of an address, or a mention of a name, by itself.
    expect(JSON.stringify(others).match(/"verbatim":true/g)).toHaveLength(3);
  });

  test('however long the names, nothing is longer than Slack takes, and no entity is split', () => {
    const long = '&'.repeat(5_000);
    const parts = Array.from({ length: 12 }, () => ({
      ...PART,
      approvedBy: long,
      approval: long,
      patternNames: [long, long],
    }));
    const { text, blocks } = composeMessage({
      ...facts({
        scopeName: long,
        increases: Array.from({ length: 3 }, () => ({ serviceName: long, increase: decimal('1') })),
      }),
      parts: parts.map((part, index) => ({
        ...part,
        periodId: `2026-${String(index + 1).padStart(2, '0')}`,
        approval: `${index}${long}`,
      })),
    });
    expect(text.length).toBeLessThanOrEqual(4_000);
    const [, ...marked] = blocks;
    const texts = [...JSON.stringify(marked).matchAll(/"text":"([^"]*)"/g)].map((match) => match[1] ?? '');
    expect(Math.max(...texts.map((each) => each.length))).toBeLessThanOrEqual(3_000);
    for (const each of [text, ...texts]) expect(each.replaceAll('&amp;', '')).not.toContain('&');
    for (let length = 1; length < 12; length += 1)
      expect(cutEscaped('a&amp;b&lt;c', length).replaceAll(/&(amp|lt);/g, '')).not.toContain('&');
  });

  test('the notice about a failed alert says why and how to fix it', () => {
    const notice = composeFailureNotice({ channel: 'C1', ...composeMessage(facts()) }, 'not_in_channel');
    expect(notice.text).toMatch(
      /^This alert could not be delivered to C1: not_in_channel\. Invite the app to the channel\. Checkout has/,
    );
    expect(notice.blocks).toHaveLength(5);
  });
});

describe('figures for people', () => {
  test('money has separators, the cents only where they matter, and never a float', () => {
    const thousand = decimal('1000');
    expect(formatMoney(decimal('12345678901234567890.5'), 'USD', thousand)).toBe('$12,345,678,901,234,567,890');
    expect(formatMoney(decimal('999.5'), 'EUR', decimal('999'))).toBe('€999.50');
    expect(formatMoney(decimal('0.0123456'), 'CHF', decimal('0.02'))).toBe('CHF 0.012346');
    expect(formatMoney(decimal('-1234.5'), 'USD', thousand)).toBe('-$1,234');
    expect(formatMoney(decimal('12.5'), 'USD', decimal('-1234.5'))).toBe('$12');
    expect([decimal('0'), decimal('12.5')].map((amount) => formatMoney(amount, 'USD', decimal('0')))).toEqual([
      '$0',
      '$12.50',
    ]);
  });

  test('a share is cut: just below the limit is not 100 %', () => {
    expect(formatShare(decimal('49999.99'), decimal('50000'))).toBe('99 %');
    expect(formatShare(decimal('50000'), decimal('50000'))).toBe('100 %');
    expect(formatShare(decimal('500000'), decimal('1'))).toBe('50,000,000 %');
  });

  test('periods have the names people use', () => {
    expect(formatPeriod('2026-09')).toEqual({ name: 'September 2026', noun: 'month' });
    expect(formatPeriod('2026')).toEqual({ name: '2026', noun: 'year' });
    expect(formatPeriod('2026-01-05..2026-02-01')).toEqual({ name: '5 Jan to 31 Jan 2026', noun: 'period' });
  });
});
