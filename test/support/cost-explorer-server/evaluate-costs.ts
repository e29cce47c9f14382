/** What GetCostAndUsage answers over a list of charges: filters, groups, days and sums, as the published API model describes them. */
import { type Decimal, decimal, sum } from '../../../services/kernel/decimal.ts';
import { addDays, type IsoDate } from '../../../services/kernel/period.ts';

export interface CostCharge {
  readonly day: IsoDate;
  readonly account: string;
  readonly service: string;
  /** As the dimension RECORD_TYPE has it; Usage unless given. */
  readonly recordType?: string;
  readonly tags?: Readonly<Record<string, string>>;
  readonly unblended: string;
  /** That of `unblended` unless given. */
  readonly netAmortized?: string;
}

export interface Filter {
  readonly And?: readonly Filter[];
  readonly Or?: readonly Filter[];
  readonly Not?: Filter;
  readonly Dimensions?: { readonly Key: string; readonly Values: readonly string[] };
  readonly Tags?: {
    readonly Key: string;
    readonly Values?: readonly string[];
    readonly MatchOptions?: readonly string[];
  };
}

export interface CostRequest {
  readonly TimePeriod: { readonly Start: IsoDate; readonly End: IsoDate };
  readonly Granularity: string;
  readonly Metrics: readonly string[];
  readonly GroupBy?: readonly { readonly Type: string; readonly Key: string }[];
  readonly Filter?: Filter;
  readonly NextPageToken?: string;
}

export interface ResultGroup {
  readonly Keys: readonly string[];
  readonly Metrics: Readonly<Record<string, { readonly Amount: string; readonly Unit: string }>>;
}

export interface ResultDay {
  readonly TimePeriod: { readonly Start: IsoDate; readonly End: IsoDate };
  readonly Estimated: boolean;
  readonly Groups: readonly ResultGroup[];
  readonly Total: ResultGroup['Metrics'];
}

/** All days of the request, unpaged. */
export function evaluate(
  charges: readonly CostCharge[],
  request: CostRequest,
  isEstimated: (day: IsoDate) => boolean,
  currency: string,
): ResultDay[] {
  const { TimePeriod, GroupBy = [], Metrics } = request;
  const chosen = charges.filter((charge) => request.Filter === undefined || matches(charge, request.Filter));
  const sums = (of: readonly CostCharge[]) =>
    Object.fromEntries(
      Metrics.map((metric) => [metric, { Amount: sum(of.map((charge) => amountOf(charge, metric))), Unit: currency }]),
    );
  const days: ResultDay[] = [];
  for (let day = TimePeriod.Start; day < TimePeriod.End; day = addDays(day, 1)) {
    const ofDay = chosen.filter((charge) => charge.day === day);
    const groups = Map.groupBy(ofDay, (charge) => GroupBy.map((by) => keyOf(charge, by)).join('\n'));
    days.push({
      TimePeriod: { Start: day, End: addDays(day, 1) },
      Estimated: isEstimated(day),
      Groups:
        GroupBy.length === 0 ? [] : [...groups].map(([keys, of]) => ({ Keys: keys.split('\n'), Metrics: sums(of) })),
      Total: GroupBy.length === 0 ? sums(ofDay) : {},
    });
  }
  return days;
}

function amountOf(charge: CostCharge, metric: string): Decimal {
  return decimal(metric === 'UnblendedCost' ? charge.unblended : (charge.netAmortized ?? charge.unblended));
}

function dimensionOf(charge: CostCharge, key: string): string {
  if (key === 'LINKED_ACCOUNT') return charge.account;
  return key === 'SERVICE' ? charge.service : (charge.recordType ?? 'Usage');
}

/** A tag's group is its key, a dollar sign and the value, which is empty where there is none. */
function keyOf(charge: CostCharge, { Type, Key }: { Type: string; Key: string }): string {
  return Type === 'TAG' ? `${Key}$${charge.tags?.[Key] ?? ''}` : dimensionOf(charge, Key);
}

function matches(charge: CostCharge, filter: Filter): boolean {
  if (filter.And !== undefined) return filter.And.every((part) => matches(charge, part));
  if (filter.Or !== undefined) return filter.Or.some((part) => matches(charge, part));
  if (filter.Not !== undefined) return !matches(charge, filter.Not);
  if (filter.Dimensions !== undefined) {
    return filter.Dimensions.Values.includes(dimensionOf(charge, filter.Dimensions.Key));
  }
  const value = charge.tags?.[filter.Tags?.Key ?? ''];
  if (filter.Tags?.MatchOptions?.includes('ABSENT') === true) return value === undefined;
  return value !== undefined && filter.Tags?.Values?.includes(value) === true;
}
