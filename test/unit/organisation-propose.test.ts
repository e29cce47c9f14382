/**
 * Proposing an organisation from what a bill says. The facts are given directly here; that they are read from real bills exactly
 * is shown with the real bill.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Decimal, decimal, sum } from '../../services/kernel/decimal.ts';
import type { BillFact } from '../../services/organisation/bill-facts.ts';
import { rankCandidates } from '../../services/organisation/pod-candidates.ts';
import { assignPodIds } from '../../services/organisation/pod-ids.ts';
import { proposeFromFacts } from '../../services/organisation/propose-organisation.ts';
import { parseOrganisation } from '../../services/organisation/read-organisation-file.ts';

const FILES = [{ name: 'bill.csv', rowCount: 10, periods: [{ start: '2026-09-01', end: '2026-10-01', rowCount: 10 }] }];

function fact(given: {
  tags?: Record<string, string>;
  cost: string;
  account?: string;
  lines?: number;
  currency?: string;
  category?: string;
}): BillFact {
  return {
    provider: 'AWS',
    billingAccountId: '0001',
    subAccountId: given.account ?? '0042',
    subAccountName: null,
    chargeCategory: given.category ?? 'Usage',
    billingCurrency: given.currency ?? 'USD',
    tags: new Map(Object.entries(given.tags ?? {})),
    effectiveCost: decimal(given.cost),
    lines: given.lines ?? 1,
  };
}

const propose = (...facts: BillFact[]) => proposeFromFacts(facts, { files: FILES, name: 'Acme' });

describe('which attribute names the pods', () => {
  test('a team tag on most of the cost is preferred to accounts', () => {
    const facts = ['a', 'b', 'c'].map((team) => fact({ tags: { team }, cost: '10', account: `1${team}` }));
    expect(rankCandidates([...facts, fact({ cost: '2' })])[0]).toMatchObject({ kind: 'tag', key: 'team' });
  });

  test('accounts are taken where a tag covers little', () => {
    const facts = ['1', '2', '3'].map((account) => fact({ cost: '10', account }));
    expect(rankCandidates([...facts, fact({ tags: { team: 'a' }, cost: '1' })])[0]).toMatchObject({
      kind: 'sub-account',
    });
  });

  test('a tag with one value for everything tells nobody apart', () => {
    const facts = ['1', '2'].map((account) => fact({ tags: { team: 'cloud' }, cost: '10', account }));
    expect(rankCandidates(facts)[0]?.kind).toBe('sub-account');
  });

  test('a tag that describes machines is no team', () => {
    const facts = ['x', 'y', 'z'].map((node) => fact({ tags: { 'aks-managed-poolName': node }, cost: '10' }));
    expect(rankCandidates(facts).map(({ kind }) => kind)).not.toContain('tag');
  });

  test('two spellings of one key are one candidate, the larger first', () => {
    const facts = [fact({ tags: { cost_center: 'a' }, cost: '1' }), fact({ tags: { 'Cost Center': 'b' }, cost: '9' })];
    expect(rankCandidates(facts).find(({ kind }) => kind === 'tag')).toMatchObject({
      key: 'Cost Center',
      spellings: ['cost_center'],
    });
  });
});

describe('the proposed file', () => {
  test('finds each pod from the tag, with an alias where the id cannot be the value', () => {
    const { yaml } = propose(
      fact({ tags: { team: 'Check Out' }, cost: '8' }),
      fact({ tags: { team: 'search' }, cost: '4' }),
    );
    const organisation = parseOrganisation(yaml);
    expect(organisation.pods.map(({ id, name, aliases }) => ({ id, name, aliases }))).toEqual([
      { id: 'check-out', name: 'Check Out', aliases: ['Check Out'] },
      { id: 'search', name: 'search', aliases: [] },
    ]);
    expect(organisation.rules).toEqual([
      { id: 'team-tag', when: { tag: { team: { exists: true } } }, podFromTag: 'team' },
    ]);
  });

  test('says beside each pod and rule what it catches, exactly', () => {
    const { yaml } = propose(
      fact({ tags: { team: 'a' }, cost: '0.0000000000000000000000000001' }),
      fact({ tags: { team: 'b' }, cost: '3' }),
    );
    expect(yaml).toContain('{ id: b, name: b }   # 3 USD (100 %), 1 line');
    expect(yaml).toContain('podFromTag: team }   # 3.0000000000000000000000000001 USD (100 %), 2 lines');
  });

  test('proposes envelopes without approving them', () => {
    const { yaml } = propose(fact({ tags: { team: 'a' }, cost: '100' }), fact({ tags: { team: 'b' }, cost: '-5' }));
    expect(parseOrganisation(yaml).envelopes).toEqual([]);
    expect(yaml).toContain('# - { scope: { pod: a }, period: 2026-10, limit: "110.00", currency: USD }');
    const approved = yaml.replace('  # - { scope: { pod: a }', '  - { scope: { pod: a }');
    expect(parseOrganisation(approved).envelopes).toHaveLength(1);
  });

  test('gives each account its rule and keeps zeros in front of its number', () => {
    const { yaml, catches } = propose(fact({ cost: '1', account: '0042' }), fact({ cost: '2', account: '0043' }));
    expect(parseOrganisation(yaml).rules[1]?.when).toEqual({ provider: 'AWS', subAccountId: '0042' });
    expect(catches.map(({ ruleId, effectiveCost }) => `${ruleId} ${effectiveCost}`)).toEqual([
      'account-0043 2',
      'account-0042 1',
    ]);
  });

  test('shares tax that no rule took by what the pods cost', () => {
    const { yaml, unattributed } = propose(
      fact({ tags: { team: 'a' }, cost: '8' }),
      fact({ tags: { team: 'b' }, cost: '4' }),
      fact({ category: 'Tax', cost: '1.2' }),
    );
    expect(parseOrganisation(yaml).rules.at(-1)).toMatchObject({
      id: 'tax',
      split: { method: 'proportional', among: 'all' },
    });
    expect(unattributed).toEqual([]);
  });

  test('names other currencies and what reports need for them', () => {
    const { yaml, catches } = propose(
      fact({ tags: { team: 'a' }, cost: '8', lines: 3 }),
      fact({ tags: { team: 'b' }, cost: '5', currency: 'EUR' }),
    );
    expect(parseOrganisation(yaml).reporting.currency).toBe('USD');
    expect(yaml).toContain('# The bill is also in EUR: reports need exchange rates.');
    expect(catches.map(({ billingCurrency, effectiveCost }) => `${effectiveCost} ${billingCurrency}`)).toEqual([
      '8 USD',
      '5 EUR',
    ]);
  });

  test('a bill without lines is refused', () => {
    expect(() => propose()).toThrow('The bill has no line, so there is nothing to propose from.');
  });
});

test('values that are cut to one slug get ids of their own, and none takes another value for itself', () => {
  expect(assignPodIds(['a b', 'a-b', 'A_B', '☂', 'café'])).toEqual(['a-b-2', 'a-b', 'a-b-3', 'pod', 'cafe']);
});

/**
 * Whatever text a bill has in its tags and accounts, the proposal is a file the product takes, and caught and left cost add up to
 * the bill exactly, in every currency.
 */
test('any bill gives a file that validates, and conserves its cost', () => {
  // Blank cells are read as nothing, so no fact has one.
  const hostile = fc.constantFrom('true', '12', '# x', '- a', 'a: b', "it's", '{', ' x ');
  const word = fc.oneof(fc.string({ maxLength: 12, unit: 'grapheme' }), hostile).filter((text) => text.trim() !== '');
  const money = fc.tuple(fc.bigInt({ min: -(10n ** 20n), max: 10n ** 20n }), fc.integer({ min: 0, max: 15 }));
  const anyFact: fc.Arbitrary<BillFact> = fc.record({
    provider: word,
    billingAccountId: word,
    subAccountId: fc.option(word),
    subAccountName: fc.option(word),
    chargeCategory: fc.constantFrom('Usage', 'Tax', 'Credit'),
    billingCurrency: fc.constantFrom('USD', 'EUR', 'JPY'),
    tags: fc
      .array(fc.tuple(fc.constantFrom('team', 'Team', 'app', 'cost center', 'x'), word), { maxLength: 3 })
      .map((tags) => new Map(tags)),
    effectiveCost: money.map(([units, places]): Decimal => decimal(`${units}e-${places}`)),
    lines: fc.integer({ min: 1, max: 1000 }),
  });
  fc.assert(
    fc.property(fc.array(anyFact, { minLength: 1, maxLength: 30 }), (facts) => {
      const proposal = proposeFromFacts(facts, { files: FILES, name: 'Acme' });
      for (const currency of new Set(facts.map(({ billingCurrency }) => billingCurrency))) {
        const own = <Entry extends { billingCurrency: string }>(list: readonly Entry[]): Entry[] =>
          list.filter(({ billingCurrency }) => billingCurrency === currency);
        const told = [...own(proposal.catches), ...own(proposal.unattributed)];
        expect(sum(told.map(({ effectiveCost }) => effectiveCost))).toBe(
          sum(own(facts).map(({ effectiveCost }) => effectiveCost)),
        );
        expect(told.reduce((total, { lines }) => total + lines, 0)).toBe(
          own(facts).reduce((total, { lines }) => total + lines, 0),
        );
      }
    }),
    { numRuns: 300 },
  );
});
