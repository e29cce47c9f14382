/**
 * What a service of the sample is: the SKU, the list price and the traits its resources share.
 * `shareBp` says how much of a component's daily EffectiveCost a service takes; within one mix the shares sum to 10,000.
 * Prices are whole nano-units of the cloud's billing currency: money stays an integer until it is printed.
 */

export type Cloud = 'aws' | 'azure' | 'gcp';

export interface CloudService {
  readonly key: string;
  readonly serviceName: string;
  readonly serviceCategory: string;
  readonly serviceSubcategory: string;
  readonly sku: string;
  readonly unit: string;
  readonly listPriceNano: bigint;
  readonly description: string;
  readonly resourceType: string;
  /** How the provider's own columns call it: AWS operation, Azure resource provider, Google API. */
  readonly operation: string;
  readonly shareBp: bigint;
  /** Billed by the hour; the others by the day. */
  readonly hourly?: true;
  /** Covered by the cloud's commitment: BilledCost 0, EffectiveCost at the committed price. */
  readonly covered?: true;
  /** Runs less at weekends. */
  readonly rests?: true;
  /** Google's discount comes as a credit line of its own, of this share of the gross price. */
  readonly creditBp?: bigint;
}

type ServiceRow = readonly [
  key: string,
  names: string,
  sku: string,
  unit: string,
  listPriceNano: bigint,
  description: string,
  resourceType: string,
  operation: string,
  shareBp: bigint,
  traits?: Pick<CloudService, 'hourly' | 'covered' | 'rests' | 'creditBp'>,
];

/** The second field of a row is `service name | category | subcategory`. */
export function services(rows: readonly ServiceRow[]): readonly CloudService[] {
  return rows.map(([key, names, sku, unit, listPriceNano, description, resourceType, operation, shareBp, traits]) => {
    const [serviceName = '', serviceCategory = '', serviceSubcategory = ''] = names.split(' | ');
    const naming = { key, serviceName, serviceCategory, serviceSubcategory, sku, unit, listPriceNano };
    return { ...naming, description, resourceType, operation, shareBp, ...traits };
  });
}
