/** What reports and stored sums must show of a history of value, as the model has it. */
import { type IsoDate, monthOf } from '../../services/kernel/period.ts';
import type { ValueHistory } from './value-history.ts';
import {
  type KnownDays,
  type ModelOutcome,
  type ModelRates,
  type ModelWindow,
  type Recognised,
  recognisedIn,
  restOf,
  shareOf,
  sumOf,
  textOf,
} from './value-model.ts';
import { FIRST_DAY, LAST_DAY, PODS } from './value-steps.ts';

/** What a report must show of a window: each closed day as its statement knew it, each other one as known now. */
export function daysOf(lived: ValueHistory, { from, until }: ModelWindow, isAsNow: boolean): KnownDays[] {
  const segments: KnownDays[] = [];
  for (let start = from; start < until; ) {
    const month = monthOf(start);
    const end = month.end < until ? month.end : until;
    const closed = isAsNow ? undefined : lived.closed.get(month.id);
    segments.push({ ...(closed?.known ?? lived.known()), from: start, until: end });
    start = end;
  }
  return segments;
}

/** A part of what an outcome brings. */
interface Shares {
  readonly part: bigint;
  readonly value: Recognised;
}

/** As a report shows the value of a pod, of nobody or of all. */
export function shownOf(parts: readonly Shares[]) {
  const amount = (states: readonly string[], beside: string | null) =>
    textOf(
      sumOf(
        parts.filter(({ value }) => states.includes(value.state) && value.beside === beside).map((one) => one.part),
      ),
    );
  // An outcome whose basis changed after a close is one as stated, and one as known now.
  const outcomes = (state: string) => {
    const own = parts.filter(({ value }) => value.state === state);
    return new Set(own.map(({ value }) => `${value.outcome} ${value.beside}`)).size;
  };
  const besideOf = (states: readonly string[]) => {
    const named = parts.filter(({ value }) => states.includes(value.state) && value.reported !== null);
    const names = [...new Set(named.flatMap(({ value }) => value.beside ?? []))].sort();
    return Object.fromEntries(names.map((name) => [name, amount(states, name)]));
  };
  return {
    verified: amount(['verified'], null),
    claimed: amount(['claimed'], null),
    verifiedOutcomes: outcomes('verified'),
    claimedOutcomes: outcomes('claimed'),
    beside: besideOf(['verified', 'claimed']),
    besideVerified: besideOf(['verified']),
  };
}

/** What each outcome brings to whoever has these basis points of it. */
export function partsOf(values: readonly Recognised[], pointsOf: (shares: Recognised['shares']) => number): Shares[] {
  return values
    .filter(({ shares }) => pointsOf(shares) > 0)
    .map((value) => ({ value, part: shareOf(value.reported ?? 0n, pointsOf(value.shares)) }));
}

/** Of pods, of nobody, and of all: the last of outcomes, not of their parts. */
export function expectedOf(days: readonly KnownDays[]) {
  const values = days.flatMap(recognisedIn);
  const nobody = shownOf(partsOf(values, restOf));
  const { verified, claimed } = shownOf(values.map((value) => ({ value, part: value.reported ?? 0n })));
  return {
    pods: Object.fromEntries(PODS.map((pod) => [pod, shownOf(partsOf(values, (shares) => shares[pod] ?? 0))])),
    unattributed: { verified: nobody.verified, claimed: nobody.claimed },
    total: { verified, claimed },
  };
}

/** Sums by month, and by month up to each cut, under the names of their keys. */
export function monthSumsOf(known: { outcomes: readonly ModelOutcome[]; rates: ModelRates }, cuts: readonly IsoDate[]) {
  const { outcomes: stated, rates } = known;
  const sums = new Map<string, { amount: bigint | null; outcomes: number }>();
  for (let month = monthOf(FIRST_DAY); month.start < LAST_DAY; month = monthOf(month.end)) {
    for (const until of [month.end, ...cuts.filter((cut) => cut > month.start && cut < month.end)]) {
      for (const value of recognisedIn({ outcomes: stated, rates, from: month.start, until })) {
        const { outcome, state, basis, shares, currency, amount } = value;
        const gross = stated[outcome]?.grossOrMargin;
        const parties = [
          ['total', 10_000] as const,
          ['unattributed', restOf(shares)] as const,
          ...Object.entries(shares),
        ];
        for (const [party, points] of parties.filter(([, points]) => points > 0)) {
          const key = [month.start, until, party, state, basis, gross, currency].filter((one) => one != null).join(' ');
          const former = sums.get(key) ?? { amount: amount === null ? null : 0n, outcomes: 0 };
          const added = amount === null ? null : (former.amount ?? 0n) + shareOf(amount, points);
          sums.set(key, { amount: added, outcomes: former.outcomes + 1 });
        }
      }
    }
  }
  const named = [...sums].map(([part, { amount, outcomes }]) => ({
    part,
    amount: amount === null ? null : textOf(amount),
    outcomes,
  }));
  return named.sort((one, other) => (one.part < other.part ? -1 : 1));
}
