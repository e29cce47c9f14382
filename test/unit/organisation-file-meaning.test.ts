/** Faults of meaning in an organisation file whose form is right. Every message is checked whole: it is what the reader of a refusal has. */
import { describe, expect, test } from 'vitest';
import { faultsOf, TWO_PODS, withRule } from '../support/organisation-texts.ts';

describe('faults of meaning', () => {
  const envelope = (rest: string): string => `${TWO_PODS}envelopes:\n  - { currency: USD, ${rest} }\n`;
  test.each<[name: string, text: string, message: string]>([
    [
      'a rule that names an unknown pod',
      withRule('{ id: a, when: { provider: AWS }, pod: chekout }'),
      'outturn.yaml line 6: rule "a" names pod "chekout", which is not defined. Did you mean "checkout"?',
    ],
    [
      'a rule that names a pod by its alias',
      withRule('{ id: a, when: {}, pod: check-out }'),
      'outturn.yaml line 6: rule "a" names pod "check-out", which is not defined. It is an alias of pod "checkout": write that id.',
    ],
    [
      'a split whose owner is unknown',
      withRule('{ id: a, when: {}, split: { method: even, owner: serch } }'),
      'outturn.yaml line 6: owner in the split of rule "a" names pod "serch", which is not defined. Did you mean "search"?',
    ],
    [
      'a split among an unknown portfolio',
      withRule('{ id: a, when: {}, split: { method: even, among: { portfolio: commerce } } }'),
      'outturn.yaml line 6: the split of rule "a" names portfolio "commerce", which is not defined. The file defines no portfolios.',
    ],
    [
      'a pod activated from an unknown pattern',
      'organisation: A\npatterns: [{ id: web-shop, name: W }]\npods:\n  - { id: a, activations: [{ pattern: webshop, on: 2026-01-01 }] }\n',
      'outturn.yaml line 4: pod "a" names pattern "webshop", which is not defined. Did you mean "web-shop"?',
    ],
    [
      'weights that do not sum',
      withRule('{ id: a, when: {}, split: { method: fixed, weights: { checkout: 0.5, search: 0.4 } } }'),
      'outturn.yaml line 6: the weights in the split of rule "a" sum to 0.9. They sum to 1 (ratios), 100 (per cent) or 10000 (basis points): 0.1 is missing to 1.',
    ],
    [
      'a weight of zero',
      withRule('{ id: a, when: {}, split: { method: fixed, weights: { checkout: 1, search: 0 } } }'),
      'outturn.yaml line 6: the weight of pod "search" in the split of rule "a" is 0. A weight is above zero; leave the pod out to give it nothing.',
    ],
    [
      'weights that leave out one of among',
      withRule('{ id: a, when: {}, split: { method: fixed, among: [checkout, search], weights: { checkout: 1 } } }'),
      'outturn.yaml line 6: the weights in the split of rule "a" lack "search", which "among" names. Give each pod of "among" a weight, or leave "among" out: the weights name the pods.',
    ],
    [
      'two rules with one id',
      `${withRule('{ id: tax, when: {}, pod: checkout }')}  - { id: tax, when: {}, pod: search }\n`,
      'outturn.yaml line 7: a second rule has the id "tax". Give each its own id.',
    ],
    [
      'two pods with one id',
      'organisation: A\npods: [{ id: a }, { id: b },\n  { id: a }]\n',
      'outturn.yaml line 3: a second pod has the id "a". Give each its own id.',
    ],
    [
      'an alias that is another pod',
      'organisation: A\npods:\n  - { id: pay }\n  - { id: a, aliases: [Pay] }\n',
      'outturn.yaml line 4: "Pay" is a name of both pod "pay" and pod "a". An id or alias belongs to one pod.',
    ],
    [
      'a rule with two results',
      withRule('{ id: a, when: {}, pod: checkout, unattributed: nobody }'),
      'outturn.yaml line 6: rule "a" has 2 results: pod, unattributed. Give exactly one of pod, podFromTag, split and unattributed.',
    ],
    [
      'a rule without a result',
      withRule('{ id: a, when: { provider: AWS } }'),
      'outturn.yaml line 6: rule "a" has no result. Give exactly one of pod, podFromTag, split and unattributed.',
    ],
    [
      'a rule that ends on the day it starts',
      withRule('{ id: a, from: 2026-05-01, until: 2026-05-01, when: {}, pod: checkout }'),
      'outturn.yaml line 6: rule "a" ends on 2026-05-01, which is not after its start 2026-05-01. The end is the first day it no longer holds.',
    ],
    [
      'a limit of zero',
      envelope('scope: { pod: checkout }, period: 2026-Q1, limit: "0"'),
      'outturn.yaml line 6: envelope 1 has the limit 0. A limit is above zero.',
    ],
    [
      'a negative limit',
      envelope('scope: { pod: checkout }, period: 2026-Q1, limit: "-1000.00"'),
      'outturn.yaml line 6: envelope 1 has the limit -1000.00. A limit is above zero.',
    ],
    [
      'a limit of zero in a pattern',
      'organisation: A\npatterns:\n  - { id: p, name: P, envelope: { every: month, limit: 0.00, currency: USD } }\n',
      'outturn.yaml line 3: the envelope of pattern "p" has the limit 0.00. A limit is above zero.',
    ],
    [
      'rungs without 1',
      envelope('scope: { pod: checkout }, period: 2026-Q1, limit: "1", rungs: [0.5, 0.9]'),
      'outturn.yaml line 6: the rungs of envelope 1 lack 1. The rung at 1, where the limit is reached, is mandatory.',
    ],
    [
      'rungs that fall',
      envelope('scope: { pod: checkout }, period: 2026-Q1, limit: "1", rungs: [1, 0.8]'),
      'outturn.yaml line 6: the rungs of envelope 1 go from 1 to 0.8. List them ascending, each once.',
    ],
    [
      'one period spelled twice for one scope',
      `${envelope('scope: { pod: checkout }, period: 2026-Q1, limit: "1"')}  - { scope: { pod: checkout }, period: 2026-01-01..2026-04-01, limit: "2", currency: EUR }\n`,
      'outturn.yaml line 7: envelope 2 is for the same scope and period, counted the same way, as envelope 1. Keep one of them.',
    ],
    [
      'successors that take more than all',
      'organisation: A\npods:\n  - { id: a, succeededBy: [{ pod: b, basisPoints: 6000 }, { pod: c, basisPoints: 5000 }] }\n  - { id: b }\n  - { id: c }\n',
      'outturn.yaml line 3: the successors of pod "a" take 11000 basisPoints. All of it is 10000: take 1000 away.',
    ],
    [
      'successors that leave a part to nobody',
      'organisation: A\npods:\n  - { id: a, succeededBy: [{ pod: b, basisPoints: 6000 }] }\n  - { id: b }\n',
      'outturn.yaml line 3: the successors of pod "a" take 6000 basisPoints. All of it is 10000: add 4000.',
    ],
    [
      'a successor that does not exist',
      'organisation: A\npods:\n  - { id: pay, succeededBy: [{ pod: shopping, basisPoints: 10000 }] }\n  - { id: shoping }\n',
      'outturn.yaml line 3: succeededBy of pod "pay" names pod "shopping", which is not defined. Did you mean "shoping"?',
    ],
    [
      'a succession that comes back',
      'organisation: A\npods:\n  - { id: a, succeededBy: [{ pod: b, basisPoints: 10000 }] }\n  - { id: b, succeededBy: [{ pod: c, basisPoints: 10000 }] }\n  - { id: c, succeededBy: [{ pod: b, basisPoints: 10000 }] }\n',
      'outturn.yaml line 5: the succession "b" → "c" → "b" comes back to its start. Successions run one way: a pod that ended is not taken up by one it succeeds.',
    ],
    [
      'dated values out of order',
      'organisation: A\npods:\n  - { id: a, owner: [{ value: x, from: 2026-02-01 }, { value: y, from: 2026-01-01 }] }\n',
      'outturn.yaml line 3: "owner" of pod "a" goes from 2026-02-01 to 2026-01-01. List the entries by ascending date.',
    ],
    [
      'a spelling of two tag keys',
      'organisation: A\ntags:\n  keys:\n    application: [app]\n    team: [App ]\n',
      'outturn.yaml line 5: "App" is a spelling of both tag key "application" and tag key "team". A spelling belongs to one key.',
    ],
  ])('%s', (_name, text, message) => {
    expect(faultsOf(text)).toEqual([message]);
  });
});
