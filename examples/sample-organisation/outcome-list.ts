/**
 * What Larkfield's pods delivered in four quarters: about sixty outcomes, claimed and verified, of every basis. Pricing has none, as
 * happens; platform enables others, so its outcomes show beside the return. `valueBp` sizes an outcome against what its first pod's
 * cloud costs in the same weeks, so that the returns keep their proportions however long the current quarter has run.
 */

export type SampleBasis =
  | 'revenue'
  | 'cost_reduction'
  | 'cost_avoided'
  | 'risk_reduced'
  | 'capacity_released'
  | 'unit_outcome';

export interface SampleOutcome {
  /** The receiving pods and their shares in basis points; the first one's people own it. What is left to 10,000 stays unattributed. */
  readonly shares: Readonly<Record<string, number>>;
  readonly outcomeType: string;
  readonly title: string;
  /** 0 to 3: which of the four quarters it was delivered in, and how far into the part with data, in percent. */
  readonly quarter: 0 | 1 | 2 | 3;
  readonly percent: number;
  readonly weeks: number;
  readonly basis: SampleBasis;
  readonly valueBp: bigint;
  readonly isVerified: boolean;
  readonly currency: 'USD' | 'EUR';
  /** For unit outcomes: how many a day. */
  readonly perDay: number | null;
  readonly unit: string;
}

type Row = readonly [
  pods: string | Readonly<Record<string, number>>,
  outcomeType: string,
  title: string,
  quarter: 0 | 1 | 2 | 3,
  percent: number,
  weeks: number,
  basis: SampleBasis,
  valueBp: bigint,
  state: 'verified' | 'claimed',
  currency?: 'EUR',
];

const ROWS: readonly Row[] = [
  [
    'checkout',
    'conversion-uplift',
    'One-page checkout for returning customers',
    0,
    4,
    52,
    'revenue',
    9500n,
    'verified',
  ],
  ['checkout', 'conversion-uplift', 'Address lookup in seven countries', 0, 55, 26, 'revenue', 7000n, 'verified'],
  [
    { checkout: 8500, mobile: 1500 },
    'conversion-uplift',
    'Saved baskets across web and app',
    1,
    15,
    52,
    'revenue',
    9000n,
    'verified',
  ],
  [
    'checkout',
    'licence-ended',
    'Tax calculation licence replaced by own service',
    1,
    60,
    52,
    'cost_reduction',
    5000n,
    'verified',
  ],
  ['checkout', 'conversion-uplift', 'Gift vouchers at the till', 2, 10, 26, 'revenue', 8000n, 'verified'],
  [
    { checkout: 5000, payments: 4000 },
    'conversion-uplift',
    'Instalments above 80 dollars',
    2,
    70,
    39,
    'revenue',
    11000n,
    'verified',
  ],
  ['checkout', 'conversion-uplift', 'Express checkout for marketplace orders', 3, 30, 26, 'revenue', 7000n, 'claimed'],
  ['checkout', 'purchase-avoided', 'Load-test cluster not bought', 2, 45, 13, 'cost_avoided', 6000n, 'verified'],

  [
    'search',
    'conversion-uplift',
    'Synonyms learnt from searches without results',
    0,
    12,
    52,
    'revenue',
    6500n,
    'verified',
  ],
  ['search', 'conversion-uplift', 'Ranking by stock near the customer', 0, 80, 52, 'revenue', 6000n, 'verified', 'EUR'],
  [
    { search: 7000, insights: 2500 },
    'conversion-uplift',
    'Seasonal ranking from the demand forecast',
    1,
    35,
    39,
    'revenue',
    9000n,
    'verified',
  ],
  ['search', 'conversion-uplift', 'Image search for furniture', 2, 20, 26, 'revenue', 5500n, 'claimed'],
  ['search', 'licence-ended', 'Hosted search contract ended', 2, 50, 52, 'cost_reduction', 4500n, 'verified'],
  [
    'search',
    'hours-released',
    'Catalogue fixes made by merchandisers themselves',
    3,
    10,
    26,
    'capacity_released',
    2000n,
    'claimed',
  ],

  ['payments', 'acquirer-fees', 'Routing to the cheapest acquirer', 0, 6, 52, 'cost_reduction', 8500n, 'verified'],
  ['payments', 'fraud-losses', 'Fraud score before the bank is asked', 0, 72, 52, 'cost_reduction', 7500n, 'verified'],
  ['payments', 'conversion-uplift', 'Local wallets in four countries', 1, 42, 26, 'revenue', 8000n, 'verified', 'EUR'],
  ['payments', 'audit-finding', 'Card data left the order database', 1, 75, 52, 'risk_reduced', 9000n, 'verified'],
  ['payments', 'acquirer-fees', 'Refunds netted before settlement', 2, 12, 52, 'cost_reduction', 7000n, 'verified'],
  [
    'payments',
    'fraud-losses',
    'Chargeback evidence sent within the day',
    2,
    85,
    39,
    'cost_reduction',
    4000n,
    'claimed',
  ],
  [
    'payments',
    'hours-released',
    'Reconciliation without spreadsheets',
    3,
    18,
    26,
    'capacity_released',
    2500n,
    'verified',
  ],

  ['loyalty', 'repeat-purchase', 'Points visible before paying', 1, 25, 52, 'revenue', 26000n, 'verified'],
  [
    'loyalty',
    'repeat-purchase',
    'Birthday offer without a coupon code',
    1,
    55,
    39,
    'revenue',
    15000n,
    'verified',
    'EUR',
  ],
  [
    { loyalty: 6500, mobile: 1000 },
    'repeat-purchase',
    'Member prices in the app',
    2,
    8,
    52,
    'revenue',
    24000n,
    'verified',
  ],
  ['loyalty', 'licence-ended', 'Card printing contract ended', 2, 48, 52, 'cost_reduction', 7000n, 'verified', 'EUR'],
  ['loyalty', 'repeat-purchase', 'Second-chance offer for lapsed members', 3, 20, 26, 'revenue', 12000n, 'claimed'],
  ['loyalty', 'purchase-avoided', 'Direct-mail wave not sent', 2, 80, 4, 'cost_avoided', 20000n, 'claimed'],

  ['mobile', 'conversion-uplift', 'App starts in under two seconds', 0, 30, 39, 'revenue', 4500n, 'verified'],
  ['mobile', 'contact-avoided', 'Order tracking in the app', 1, 20, 52, 'cost_avoided', 7000n, 'claimed'],
  ['mobile', 'conversion-uplift', 'Push when a wish-list item is back', 1, 82, 26, 'revenue', 5000n, 'claimed'],
  ['mobile', 'conversion-uplift', 'Barcode scan in the store', 2, 65, 26, 'revenue', 2500n, 'verified'],
  ['mobile', 'store-rating', 'Crash on older telephones gone', 3, 25, 13, 'risk_reduced', 3000n, 'claimed'],

  ['fulfilment', 'freight-cost', 'Parcels packed in one box', 0, 18, 52, 'cost_reduction', 1800n, 'verified', 'EUR'],
  ['fulfilment', 'contact-avoided', 'Delivery slots kept to the hour', 0, 66, 39, 'cost_avoided', 5000n, 'verified'],
  ['fulfilment', 'freight-cost', 'Second courier for the north', 1, 50, 52, 'cost_reduction', 1400n, 'verified'],
  ['fulfilment', 'hours-released', 'Returns booked in by scan', 2, 30, 26, 'capacity_released', 3500n, 'verified'],
  ['fulfilment', 'freight-cost', 'Pallets consolidated at night', 2, 88, 26, 'cost_reduction', 1200n, 'verified'],
  ['fulfilment', 'freight-cost', 'Empty legs sold to partners', 3, 12, 26, 'revenue', 3000n, 'claimed'],

  ['insights', 'markdown-saved', 'Demand forecast for fashion', 0, 40, 52, 'revenue', 6000n, 'verified'],
  ['insights', 'markdown-saved', 'Forecast by store cluster', 1, 10, 39, 'revenue', 4500n, 'verified'],
  [
    { insights: 5000, fulfilment: 1000 },
    'stock-released',
    'Safety stock from the forecast',
    1,
    68,
    52,
    'cost_reduction',
    6500n,
    'verified',
  ],
  [
    'insights',
    'hours-released',
    'Weekly report pack made by itself',
    2,
    25,
    52,
    'capacity_released',
    1500n,
    'verified',
  ],
  ['insights', 'markdown-saved', 'Promotion calendar tested before print', 2, 58, 26, 'revenue', 5000n, 'claimed'],
  ['insights', 'licence-ended', 'Old warehouse appliance returned', 3, 5, 52, 'cost_reduction', 2500n, 'verified'],

  [
    'platform',
    'hours-released',
    'New environment in a day instead of a month',
    0,
    50,
    52,
    'capacity_released',
    5000n,
    'verified',
  ],
  ['platform', 'audit-finding', 'Every image scanned before it runs', 1, 30, 52, 'risk_reduced', 4000n, 'verified'],
  ['platform', 'hours-released', 'One pipeline for all pods', 2, 40, 39, 'capacity_released', 4500n, 'claimed'],
  ['platform', 'purchase-avoided', 'Second log tool not bought', 3, 8, 26, 'cost_avoided', 3000n, 'claimed'],
];

/** Counts of the work itself, one outcome a quarter: what a unit cost is made of. */
const UNIT_ROWS: readonly (readonly [pod: string, outcomeType: string, title: string, unit: string, perDay: number])[] =
  [
    ['checkout', 'orders-placed', 'Orders placed', 'order', 11_480],
    ['payments', 'payments-settled', 'Payments settled', 'payment', 12_130],
    ['fulfilment', 'parcels-delivered', 'Parcels delivered', 'parcel', 14_260],
  ];

const QUARTERS = [0, 1, 2, 3] as const;

/** Every outcome of the sample, in the order of its rows. */
export function listSampleOutcomes(): SampleOutcome[] {
  const money = ROWS.map(
    ([pods, outcomeType, title, quarter, percent, weeks, basis, valueBp, state, currency]): SampleOutcome => {
      const shares = typeof pods === 'string' ? { [pods]: 10_000 } : pods;
      const when = { quarter, percent, weeks };
      const kind = { outcomeType, title, basis, valueBp, currency: currency ?? ('USD' as const) };
      return { shares, ...kind, ...when, isVerified: state === 'verified', perDay: null, unit: '' };
    },
  );
  const counted = UNIT_ROWS.flatMap(([pod, outcomeType, title, unit, perDay]) =>
    QUARTERS.map((quarter): SampleOutcome => {
      const kind = { outcomeType, title, basis: 'unit_outcome' as const, valueBp: 0n, currency: 'USD' as const };
      return {
        shares: { [pod]: 10_000 },
        ...kind,
        quarter,
        percent: 100,
        weeks: 0,
        isVerified: quarter < 3,
        perDay,
        unit,
      };
    }),
  );
  return [...money, ...counted];
}
