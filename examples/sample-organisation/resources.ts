/**
 * Components × services = resources: the rows that the bills are multiplied out of. Ids, SKUs and names are derived from
 * stable keys, so that a resource stays itself over the year even where its name or its tags change.
 */
import { createHash } from 'node:crypto';
import type { IsoDate } from '../../services/kernel/period.ts';
import type { Cloud, CloudService } from './cloud-service.ts';
import { type SampleComponent, SUB_ACCOUNTS, listComponents } from './components.ts';
import type { SampleCalendar } from './sample-calendar.ts';
import { SERVICE_MIXES } from './service-mixes.ts';

export interface SampleResource {
  readonly n: number;
  readonly cloud: Cloud;
  readonly pod: string | null;
  readonly service: CloudService;
  /** EffectiveCost of a plain day, in nano-units of the billing currency. */
  readonly perDayNano: bigint;
  readonly contractedPriceNano: bigint;
  readonly effectivePriceNano: bigint;
  readonly drifts: boolean;
  readonly from: IsoDate;
  /** Exclusive. */
  readonly until: IsoDate;
  readonly resourceId: string;
  readonly resourceName: string;
  readonly skuPriceId: string;
  readonly regionId: string;
  readonly regionName: string;
  readonly subAccountId: string;
  readonly subAccountName: string;
  readonly tags: string | null;
}

const NANO = 1_000_000_000n;
const TEN_THOUSAND = 10_000n;
/** What the company negotiated, and what a commitment saves on the list price, in basis points. */
const NEGOTIATED_BP: Record<Cloud, bigint> = { aws: 600n, azure: 0n, gcp: 0n };
const COMMITTED_BP: Record<Cloud, bigint> = { aws: 2_800n, azure: 3_700n, gcp: 0n };

const REGIONS: Record<Cloud, readonly [id: string, name: string]> = {
  aws: ['eu-west-1', 'Europe (Ireland)'],
  azure: ['westeurope', 'West Europe'],
  gcp: ['europe-west1', 'Belgium'],
};

/** At weekends what rests runs at this share. */
export const WEEKEND_BP = 5_500n;

/** Every resource of the four quarters, numbered from 1 in a fixed order. */
export function listResources(calendar: SampleCalendar): SampleResource[] {
  return listComponents(calendar)
    .flatMap((component) => SERVICE_MIXES[component.mix].map((service) => ({ component, service })))
    .filter(({ component }) => component.from < component.until)
    .map(({ component, service }, index) => resourceOf(component, service, index + 1));
}

function resourceOf(component: SampleComponent, service: CloudService, n: number): SampleResource {
  const { cloud } = component;
  const [subAccountId, subAccountName] = SUB_ACCOUNTS[component.subAccount] ?? [component.subAccount, ''];
  const [regionId, regionName] = REGIONS[cloud];
  const contractedPriceNano = discounted(service.listPriceNano, NEGOTIATED_BP[cloud]);
  return {
    n,
    cloud,
    pod: component.pod,
    service,
    perDayNano: (component.perDay * NANO * service.shareBp) / TEN_THOUSAND,
    contractedPriceNano,
    effectivePriceNano:
      service.covered === true ? discounted(service.listPriceNano, COMMITTED_BP[cloud]) : contractedPriceNano,
    drifts: component.drifts,
    from: component.from,
    until: component.until,
    resourceId: resourceId(component, service, subAccountId, regionId),
    resourceName: `${component.displayName}-${component.environment}-${service.key}`,
    skuPriceId: cloud === 'aws' ? `${service.sku}.JRTCKXETXF.6YS6EN2CT7` : `${service.sku}/${hex(service.sku, 4)}`,
    regionId,
    regionName,
    subAccountId,
    subAccountName,
    tags: component.tags === null ? null : JSON.stringify(component.tags),
  };
}

/** Azure writes the same kind of id in mixed and in lower case, depending on the service that reports it. */
function resourceId(component: SampleComponent, service: CloudService, account: string, region: string): string {
  const name = `${component.application}-${component.environment}`;
  const unique = hex(`${account}/${name}/${service.key}`, 17);
  if (component.cloud === 'aws') {
    return `arn:aws:${awsServiceCode(service)}:${region}:${account}:${service.resourceType}/${name}-${unique}`;
  }
  if (component.cloud === 'gcp') {
    return `//${service.operation}/projects/${account}/locations/${region}/${service.resourceType}s/${name}-${unique.slice(0, 6)}`;
  }
  const id = `${account}/resourceGroups/rg-${name}/providers/${service.operation}/${name}-${service.key}`;
  return ['storage', 'key-vault', 'bandwidth'].includes(service.key) ? id.toLowerCase() : id;
}

/** The service's part of an ARN. */
export function awsServiceCode(service: CloudService): string {
  const codes: Record<string, string> = {
    fargate: 'ecs',
    elb: 'elasticloadbalancing',
    cloudwatch: 'logs',
    ebs: 'ec2',
    's3-requests': 's3',
  };
  return codes[service.key] ?? (service.serviceCategory === 'Networking' ? 'ec2' : service.key);
}

function discounted(priceNano: bigint, discountBp: bigint): bigint {
  return (priceNano * (TEN_THOUSAND - discountBp)) / TEN_THOUSAND;
}

function hex(key: string, digits: number): string {
  return createHash('sha256').update(key).digest('hex').slice(0, digits);
}
