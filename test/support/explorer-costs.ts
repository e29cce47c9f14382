/** Costs as Cost Explorer would hold them, for tests of its connector. */
import { addDays, type IsoDate } from '../../services/kernel/period.ts';
import type { CostExplorerDouble } from './cost-explorer-server/cost-explorer-server.ts';
import type { CostCharge } from './cost-explorer-server/evaluate-costs.ts';

export const PAYER = '012345678901';
export const MEMBER = '000000000042';
export const S3 = 'Amazon Simple Storage Service';

/** A usage of one day. */
export function cost(day: IsoDate, unblended: string, of: Partial<CostCharge> = {}): CostCharge {
  return { day, account: PAYER, service: S3, unblended, ...of };
}

/** The same on each day of a half-open range. */
export function costsOfDays(start: IsoDate, end: IsoDate, of: (day: IsoDate) => CostCharge[]): CostCharge[] {
  const charges: CostCharge[] = [];
  for (let day = start; day < end; day = addDays(day, 1)) charges.push(...of(day));
  return charges;
}

/** The SDK's own chain finds the double's key in the environment, and nothing else of this machine. */
export function useExplorerKeys({ accessKeyId, secretAccessKey }: CostExplorerDouble): void {
  Object.assign(process.env, {
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
    AWS_EC2_METADATA_DISABLED: 'true',
    AWS_CONFIG_FILE: '/dev/null',
    AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
  });
  delete process.env['AWS_ACCOUNT_ID'];
}
