/**
 * A quarter of 200 pods as data: what each load says each pod has spent, the limits, and what people do. Everything comes from one seed, in whole
 * cents, so that what must be told is known beforehand, pod by pod, and not worked out by the code under test.
 */
import { addDays, type IsoDate } from '../../services/kernel/period.ts';

export const QUARTER = { id: '2026-Q3', start: '2026-07-01', days: 92 } as const;
export const HISTORY_DAYS = 56;
const PODS = 200;
/** A delivery restates the days before it, by up to 2 %. */
const RESTATED_DAYS = 3;

export interface SimulatedPod {
  readonly id: string;
  readonly channel: string;
  /** What the load of a day says each day cost, in cents; the days of history first. */
  readonly known: readonly (readonly number[])[];
  /** In cents, by the load from which on it holds. */
  readonly limits: readonly { readonly fromLoad: number; readonly cents: number }[];
  /** By load: somebody has seen it. */
  readonly acknowledgedAfter: number | null;
  readonly posts: number;
  readonly replies: number;
  readonly isDrifting: boolean;
}

export interface SimulatedQuarter {
  readonly pods: readonly SimulatedPod[];
  readonly random: () => number;
}

/** Mulberry32: the same numbers on every machine. */
export function seeded(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

export function dayOf(index: number): IsoDate {
  return addDays(QUARTER.start, index);
}

/** Cents as money. */
export function money(cents: number): string {
  const text = String(cents).padStart(3, '0');
  return `${text.slice(0, -2)}.${text.slice(-2)}`;
}

/** What the load of day `load` says was spent in the quarter by then. */
export function spentAt(pod: SimulatedPod, load: number): number {
  return sum(pod.known[load]?.slice(HISTORY_DAYS) ?? []);
}

export function limitAt(pod: SimulatedPod, load: number): number {
  return pod.limits.findLast(({ fromLoad }) => fromLoad <= load)?.cents ?? 0;
}

interface Plan {
  /** The load that shows 80 % of the first limit; null: it ends at `used` of it. */
  readonly crossesAt: number | null;
  readonly used?: number;
  /** A charge of this share of the limit on the day it crosses. */
  readonly jump?: number;
  /** For so many loads, from three after the crossing on, the bill is restated by this share of the limit. */
  readonly dip?: { readonly share: number; readonly loads: number };
  /** This many loads after the crossing, or at this load, the limit becomes so many times itself. */
  readonly raise?: { readonly after: number; readonly factor: number };
  readonly lower?: { readonly at: number; readonly toUsed: number };
  readonly acknowledges?: boolean;
  readonly posts: number;
  readonly replies?: number;
  readonly weeklyGrowth?: number;
  readonly noise?: number;
}

/** What becomes of the pod of this number, and what its channel then shows. */
function planOf(number: number, random: () => number): Plan {
  const between = (low: number, high: number) => low + Math.floor(random() * (high - low + 1));
  // Raised: two spend the new limit up to 80 % as well.
  if (number < 2) return { crossesAt: between(53, 56), raise: { after: 3, factor: 1.5 }, posts: 2 };
  if (number < 5) return { crossesAt: between(70, 74), raise: { after: 3, factor: 1.5 }, posts: 1 };
  // Restated below 80 % for a day, never below the clear line; below it, but seen once only; below it in several loads: again.
  if (number < 8) return { crossesAt: between(78, 82), dip: { share: 0.06, loads: 2 }, posts: 1 };
  if (number < 10) return { crossesAt: between(78, 80), dip: { share: 0.12, loads: 1 }, posts: 1 };
  if (number < 12) return { crossesAt: between(76, 78), dip: { share: 0.14, loads: 3 }, posts: 2 };
  if (number < 20) return { crossesAt: between(79, 88), posts: 1 };
  // Over the limit: nobody answers for half of them.
  if (number < 23) return { crossesAt: between(58, 62), acknowledges: true, posts: 2 };
  if (number < 26) return { crossesAt: between(58, 62), posts: 2, replies: 1 };
  if (number < 28) return { crossesAt: between(60, 75), jump: 0.6, acknowledges: true, posts: 1 };
  if (number < 30) return { crossesAt: between(60, 75), jump: 0.6, posts: 1, replies: 1 };
  if (number < 33) return { crossesAt: null, used: 0.6, lower: { at: 84, toUsed: 0.85 }, posts: 1 };
  if (number >= 100 && number < 110) return { crossesAt: null, used: 0.6, posts: 0, weeklyGrowth: 0.01, noise: 0.03 };
  return { crossesAt: null, used: 0.5 + 0.2 * random(), posts: 0 };
}

/** The quarter of a seed. */
export function simulateQuarter(seed: number): SimulatedQuarter {
  const random = seeded(seed);
  const pods = Array.from({ length: PODS }, (_, number) => simulatePod(number, random));
  return { pods, random };
}

function simulatePod(number: number, random: () => number): SimulatedPod {
  const plan = planOf(number, random);
  const base = 5_000 + Math.floor(random() * 95_000);
  const noise = plan.noise ?? 0.1;
  const final = Array.from({ length: HISTORY_DAYS + QUARTER.days }, (_, index) => {
    const isWeekend = [0, 6].includes(new Date(`${dayOf(index - HISTORY_DAYS)}T00:00:00Z`).getUTCDay());
    const growth = (1 + (plan.weeklyGrowth ?? 0)) ** (Math.max(0, index - HISTORY_DAYS) / 7);
    return Math.round(base * (isWeekend ? 0.65 : 1) * growth * (1 + noise * (2 * random() - 1)));
  });
  const known = Array.from({ length: QUARTER.days }, (_, load) =>
    final.slice(0, HISTORY_DAYS + load + 1).map((cents, index) => {
      const age = HISTORY_DAYS + load - index;
      return age < RESTATED_DAYS ? Math.round(cents * (1 + 0.02 * (2 * random() - 1))) : cents;
    }),
  );
  const spent = (load: number) => sum(known[load]?.slice(HISTORY_DAYS) ?? []);
  const { crossesAt } = plan;
  // At the load of the crossing 80 % is reached; of one that jumps, half of it was spent by then.
  const limit =
    crossesAt === null
      ? Math.floor(spent(QUARTER.days - 1) / (plan.used ?? 0.6))
      : Math.floor(spent(crossesAt) / (plan.jump === undefined ? 0.8 : 0.5));
  if (crossesAt !== null) addCharges(known, { plan, crossesAt, limit });
  const limits = [{ fromLoad: 0, cents: limit }];
  if (plan.raise !== undefined && crossesAt !== null) {
    limits.push({ fromLoad: crossesAt + plan.raise.after, cents: Math.floor(limit * plan.raise.factor) });
  }
  if (plan.lower !== undefined) {
    limits.push({ fromLoad: plan.lower.at, cents: Math.floor(spent(plan.lower.at) / plan.lower.toUsed) });
  }
  const id = `pod-${String(number).padStart(3, '0')}`;
  return {
    id,
    channel: `C0${id.toUpperCase().replace('-', '')}`,
    known,
    limits,
    acknowledgedAfter: plan.acknowledges === true ? 0 : null,
    posts: plan.posts,
    replies: plan.replies ?? 0,
    isDrifting: plan.weeklyGrowth !== undefined,
  };
}

/** The great charge of the day, and the days on which the bill said less of the tenth day. */
function addCharges(known: number[][], given: { plan: Plan; crossesAt: number; limit: number }): void {
  const { plan, crossesAt, limit } = given;
  const { jump, dip } = plan;
  for (const [load, days] of known.entries()) {
    if (jump !== undefined && load >= crossesAt) {
      days[HISTORY_DAYS + crossesAt] = (days[HISTORY_DAYS + crossesAt] ?? 0) + Math.floor(limit * jump);
    }
    const isDipped = dip !== undefined && load >= crossesAt + 3 && load < crossesAt + 3 + dip.loads;
    if (isDipped) days[HISTORY_DAYS + 9] = (days[HISTORY_DAYS + 9] ?? 0) - Math.floor(limit * dip.share);
  }
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
