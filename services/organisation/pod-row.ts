/** The row of a pod: what of an organisation file's pod holds on a given day. */
import type { Dated } from '../attribution/rulebook.ts';
import type { IsoDate } from '../kernel/period.ts';
import type { PodEntry } from './organisation.ts';

export interface PodRow {
  readonly id: string;
  readonly name: string;
  readonly kind: 'delivery' | 'platform' | 'central';
  readonly portfolio_id: string | null;
  readonly owner_email: string | null;
  readonly finance_partner_email: string | null;
  readonly cost_centre: string | null;
  /** Where its alerts go, whatever the kind. */
  readonly slack_channel: string | null;
  readonly active_from: IsoDate | null;
  readonly active_until: IsoDate | null;
}

/** A pod's row as of `date`. */
export function podRowOf(pod: PodEntry, date: IsoDate): PodRow {
  return {
    id: pod.id,
    name: pod.name,
    kind: pod.kind,
    portfolio_id: valueOn(pod.portfolio, date),
    owner_email: valueOn(pod.owner, date),
    finance_partner_email: pod.financePartner ?? null,
    cost_centre: valueOn(pod.costCentre, date),
    slack_channel: pod.channel ?? pod.slackChannel ?? null,
    active_from: pod.activeFrom ?? null,
    active_until: pod.activeUntil ?? null,
  };
}

/** The last value that has begun by `date`; before the first, the first: a pod that is not active yet already has its owner. */
function valueOn(values: readonly Dated<string>[], date: IsoDate): string | null {
  const begun = values.findLast(({ from }) => from === undefined || from <= date);
  return (begun ?? values[0])?.value ?? null;
}
