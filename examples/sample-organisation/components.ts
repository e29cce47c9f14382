/**
 * What Larkfield runs: components on three clouds, each with its daily EffectiveCost, its account and its tags as people
 * really write them: with stray spaces, other cases, older spellings, typing errors, or none at all.
 * `pod` is who the organisation file's rules give it to; null where it stays unattributed or is shared.
 */
import { addDays, type IsoDate } from '../../services/kernel/period.ts';
import type { Cloud } from './cloud-service.ts';
import { dayOfQuarter, type SampleCalendar } from './sample-calendar.ts';
import type { MixName } from './service-mixes.ts';

export interface SampleComponent {
  readonly cloud: Cloud;
  readonly pod: string | null;
  readonly application: string;
  /** Where it was called otherwise before; resource ids keep coming from `application`. */
  readonly displayName: string;
  readonly environment: string;
  readonly subAccount: string;
  /** Whole units of the cloud's billing currency a day, before growth and noise. */
  readonly perDay: bigint;
  readonly tags: Readonly<Record<string, string>> | null;
  readonly mix: MixName;
  readonly from: IsoDate;
  /** Exclusive. */
  readonly until: IsoDate;
  /** Grows by one percent a week, for ever. */
  readonly drifts: boolean;
}

export const AWS_PAYER = '410000000100';

/** Sub accounts by the short name that components use: [id, name]. */
export const SUB_ACCOUNTS: Record<string, readonly [id: string, name: string]> = {
  'aws-payer': [AWS_PAYER, 'larkfield-payer'],
  'aws-commerce': ['410000000101', 'larkfield-commerce'],
  'aws-mobile': ['041000000105', 'larkfield-mobile'],
  'aws-platform': ['410000000104', 'larkfield-platform'],
  'aws-legacy': ['410000000150', 'larkfield-legacy'],
  'aws-network': ['410000000190', 'larkfield-network'],
  'aws-sandbox': ['410000000199', 'larkfield-sandbox'],
  'azure-operations': ['/subscriptions/5f0c2d1e-7b3a-4c86-9e41-2a8d6b90c117', 'Larkfield Operations'],
  'azure-customer': ['/subscriptions/8a61b7f4-03de-4f29-b5c8-71e4d2f6a930', 'Larkfield Customer'],
  'azure-shared': ['/subscriptions/c47e9a02-16b8-43d5-8f7a-e05b3c9d2846', 'Larkfield Shared'],
  'gcp-insights': ['lf-insights-prod', 'Larkfield Insights'],
  'gcp-data': ['lf-data-shared', 'Larkfield Data Shared'],
  'gcp-lab': ['lf-lab', 'Larkfield Lab'],
};

/** When the pod `loyalty` was activated: it has no charges before. */
export function loyaltyActivatedOn(calendar: SampleCalendar): IsoDate {
  return addDays(calendar.quarters[1].start, 5);
}

/** When the application `price-tests` went from checkout to pricing: a dated rule follows it. */
export function priceTestsMovedOn(calendar: SampleCalendar): IsoDate {
  return calendar.quarters[2].start;
}

type Extra = Partial<Pick<SampleComponent, 'from' | 'until' | 'drifts' | 'environment' | 'mix' | 'displayName'>>;

/** Every component of the four quarters, in a fixed order. */
export function listComponents(calendar: SampleCalendar): SampleComponent[] {
  const activated = loyaltyActivatedOn(calendar);
  const moved = priceTestsMovedOn(calendar);
  const renamed = dayOfQuarter(calendar, calendar.quarters[1], 60);
  const tagged = dayOfQuarter(calendar, calendar.quarters[1], 20);
  const drifts = true;
  const component = (
    pod: string | null,
    application: string,
    subAccount: string,
    perDay: bigint,
    tags: Record<string, string> | null,
    extra: Extra = {},
  ): SampleComponent => {
    const cloud = cloudOf(subAccount);
    const always = { from: calendar.start, until: calendar.end, drifts: false, environment: 'prod', mix: cloud };
    return { cloud, pod, application, displayName: application, subAccount, perDay, tags, ...always, ...extra };
  };
  return [
    component('checkout', 'basket', 'aws-commerce', 150n, {
      pod: 'checkout',
      application: 'basket',
      environment: 'prod',
      'cost-centre': '4101',
    }),
    component('checkout', 'order-api', 'aws-commerce', 90n, {
      pod: ' Checkout ',
      application: 'Order-API',
      environment: 'prod',
    }),
    component(
      'checkout',
      'order-api',
      'aws-commerce',
      30n,
      { App: 'order-api', environment: 'staging' },
      { environment: 'staging' },
    ),
    component(
      'checkout',
      'gift-cards',
      'aws-commerce',
      30n,
      { pod: 'check-out', application: 'gift-cards' },
      { until: renamed },
    ),
    component(
      'checkout',
      'gift-cards',
      'aws-commerce',
      30n,
      { pod: 'check-out', application: 'gift-vouchers' },
      { from: renamed, displayName: 'gift-vouchers' },
    ),
    component(null, 'gift-wrap', 'aws-commerce', 12n, {
      pod: 'chekout',
      application: 'gift-wrap',
      environment: 'prod',
    }),
    component(
      'checkout',
      'price-tests',
      'aws-commerce',
      25n,
      { application: 'price-tests', environment: 'prod' },
      { until: moved },
    ),
    component(
      'pricing',
      'price-tests',
      'aws-commerce',
      25n,
      { application: 'price-tests', environment: 'prod' },
      { from: moved },
    ),
    component(
      'search',
      'product-search',
      'aws-commerce',
      190n,
      { pod: 'search', application: 'product-search', environment: 'prod' },
      { drifts },
    ),
    component(
      'search',
      'search-index',
      'aws-commerce',
      60n,
      { ' pod': 'Product-Search', environment: 'prod' },
      { drifts },
    ),
    component('pricing', 'price-engine', 'aws-commerce', 60n, {
      pod: 'pricing',
      application: 'price-engine',
      environment: 'prod',
    }),
    component('payments', 'payment-gateway', 'aws-commerce', 220n, {
      pod: 'payments',
      application: 'payment-gateway',
      environment: 'prod',
      'data-class': 'pci',
    }),
    component('payments', 'fraud-check', 'aws-commerce', 120n, {
      application: 'Fraud-Check',
      environment: 'prod',
      team: 'risk & fraud',
    }),
    component(null, 'ledger', 'aws-commerce', 40n, null, { until: tagged }),
    component('payments', 'ledger', 'aws-commerce', 40n, { pod: 'payments', application: 'ledger' }, { from: tagged }),
    component('mobile', 'mobile-api', 'aws-mobile', 90n, null),
    component('mobile', 'push-service', 'aws-mobile', 40n, { 'App-Name': 'push-service ', environment: 'prod' }),
    component('platform', 'build-farm', 'aws-platform', 170n, { pod: 'platform', application: 'build-farm' }),
    component('platform', 'observability', 'aws-platform', 130n, {
      Pod: 'platform',
      application: 'observability',
      note: 'logs, metrics "and" traces',
    }),
    component(null, 'monolith', 'aws-legacy', 55n, null),
    component(null, 'core-network', 'aws-network', 160n, { 'managed-by': 'network' }, { mix: 'aws-network' }),
    component(
      null,
      'playground',
      'aws-sandbox',
      35n,
      { environment: 'Sandbox', owner: 'everyone' },
      { mix: 'aws-sandbox', environment: 'sandbox' },
    ),
    component('fulfilment', 'warehouse-sync', 'azure-operations', 130n, {
      pod: 'fulfilment',
      application: 'warehouse-sync',
      environment: 'prod',
    }),
    component('fulfilment', 'delivery-slots', 'azure-operations', 90n, {
      Pod: 'Fulfilment',
      Application: 'Delivery-Slots',
    }),
    component('fulfilment', 'courier-tracking', 'azure-operations', 40n, { pod: 'fulfillment', environment: 'prod' }),
    component(null, 'label-printing', 'azure-operations', 8n, { pod: 'fulfilmnt', environment: 'prod' }),
    component(
      'loyalty',
      'rewards',
      'azure-customer',
      110n,
      { pod: 'loyalty', application: 'rewards' },
      { from: activated },
    ),
    component(
      'loyalty',
      'member-portal',
      'azure-customer',
      60n,
      { application: 'member-portal', ' application': 'portal' },
      { from: activated },
    ),
    component('checkout', 'identity', 'azure-shared', 40n, { POD: 'CHECKOUT', Env: 'PROD' }),
    component('platform', 'cluster-base', 'azure-shared', 60n, { pod: 'platform', application: 'cluster-base' }),
    component('payments', 'invoice-archive', 'azure-shared', 30n, { application: 'Invoice-Archive', pod: '' }),
    component(null, 'file-share', 'azure-shared', 20n, null),
    component(null, 'trial', 'azure-shared', 10n, { environment: 'sandbox' }, { environment: 'sandbox' }),
    component('insights', 'lakehouse', 'gcp-insights', 240n, { application: 'lakehouse' }),
    component('insights', 'experimentation', 'gcp-data', 150n, { pod: 'insights', application: 'experimentation' }),
    component('insights', 'demand-forecast', 'gcp-insights', 90n, {
      pod: 'insights',
      application: 'demand-forecast',
      environment: 'prod',
    }),
    component(
      'search',
      'ranking-models',
      'gcp-data',
      110n,
      { pod: 'search', application: 'ranking-models' },
      { drifts },
    ),
    component('pricing', 'price-models', 'gcp-data', 80n, { pod: 'pricing', environment: 'prod' }),
    component('mobile', 'usage-events', 'gcp-data', 50n, { app: 'mobile-api', environment: 'prod' }),
    component('platform', 'data-platform', 'gcp-data', 80n, { pod: 'platform', application: 'data-platform' }),
    component('loyalty', 'segments', 'gcp-data', 25n, { pod: 'loyalty', application: 'segments' }, { from: activated }),
    component('checkout', 'basket-tests', 'gcp-data', 20n, { app: 'basket', environment: 'prod' }),
    component(null, 'returns-desk', 'gcp-data', 10n, { pod: 'returns', environment: 'prod' }),
    component(null, 'old-reports', 'gcp-data', 18n, null),
    component(
      null,
      'notebooks',
      'gcp-lab',
      25n,
      { environment: 'sandbox', owner: 'research' },
      { environment: 'sandbox' },
    ),
  ];
}

function cloudOf(subAccount: string): Cloud {
  if (subAccount.startsWith('aws')) return 'aws';
  return subAccount.startsWith('azure') ? 'azure' : 'gcp';
}
