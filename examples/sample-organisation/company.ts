/**
 * Larkfield, the sample company: a retailer of ten pods. Eight deliver, one enables the others (platform) and one holds
 * what belongs to nobody in particular (central). Names, people and channels are invented; addresses are at example.com.
 */

export interface SamplePortfolio {
  readonly id: string;
  readonly name: string;
  readonly owner: string;
  readonly financePartner: string;
  readonly slackChannel: string;
}

export interface SamplePod {
  readonly id: string;
  readonly name: string;
  readonly kind: 'delivery' | 'platform' | 'central';
  readonly portfolio: string;
  readonly owner: string;
  readonly costCentre: string;
  readonly slackChannel: string;
  readonly aliases?: readonly string[];
}

export const COMPANY_NAME = 'Larkfield';

export const SAMPLE_PORTFOLIOS: readonly SamplePortfolio[] = [
  portfolio('commerce', 'Commerce', 'ruth', 'grace', 'C0LFCOMMERCE'),
  portfolio('customer', 'Customer', 'omar', 'grace', 'C0LFCUSTOMER'),
  portfolio('operations', 'Operations', 'ingrid', 'luca', 'C0LFOPERATE'),
  portfolio('foundations', 'Foundations', 'tomas', 'luca', 'C0LFFOUND'),
];

export const SAMPLE_PODS: readonly SamplePod[] = [
  pod('checkout', 'Checkout', 'delivery', 'commerce', 'ada', '4101', ['check-out']),
  pod('search', 'Search', 'delivery', 'commerce', 'edsger', '4102', ['product-search']),
  pod('pricing', 'Pricing', 'delivery', 'commerce', 'emmy', '4103'),
  pod('payments', 'Payments', 'delivery', 'commerce', 'barbara', '4104'),
  pod('loyalty', 'Loyalty', 'delivery', 'customer', 'hedy', '4201'),
  pod('mobile', 'Mobile', 'delivery', 'customer', 'alan', '4202', ['mobile-app']),
  pod('fulfilment', 'Fulfilment', 'delivery', 'operations', 'katherine', '4301', ['fulfillment']),
  pod('insights', 'Insights', 'delivery', 'operations', 'donald', '4302'),
  pod('platform', 'Platform engineering', 'platform', 'foundations', 'margaret', '4401'),
  pod('cloud-office', 'Cloud office', 'central', 'foundations', 'radia', '4402'),
];

/** @throws RangeError for an id that is no pod of the sample. */
export function samplePod(id: string): SamplePod {
  const found = SAMPLE_PODS.find((candidate) => candidate.id === id);
  if (found === undefined) throw new RangeError(`The sample has no pod "${id}".`);
  return found;
}

/** The finance partner of a pod's portfolio: who approves its envelopes and verifies its outcomes. */
export function financePartnerOf(pod: SamplePod): string {
  return SAMPLE_PORTFOLIOS.find((candidate) => candidate.id === pod.portfolio)?.financePartner ?? '';
}

function portfolio(id: string, name: string, owner: string, financePartner: string, channel: string): SamplePortfolio {
  return { id, name, owner: mail(owner), financePartner: mail(financePartner), slackChannel: channel };
}

function pod(
  id: string,
  name: string,
  kind: SamplePod['kind'],
  portfolioId: string,
  owner: string,
  costCentre: string,
  aliases?: readonly string[],
): SamplePod {
  const slackChannel = `C0LF${costCentre}${id.replaceAll('-', '').slice(0, 3).toUpperCase()}`;
  const known = { id, name, kind, portfolio: portfolioId, owner: mail(owner), costCentre, slackChannel };
  return aliases === undefined ? known : { ...known, aliases };
}

function mail(name: string): string {
  return `${name}@example.com`;
}
