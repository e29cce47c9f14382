/** Which services a component is made of, by the name of its mix. */
import { AWS_NETWORK, AWS_SANDBOX, AWS_WORKLOAD } from './aws-services.ts';
import { AZURE_WORKLOAD } from './azure-services.ts';
import type { CloudService } from './cloud-service.ts';
import { GCP_WORKLOAD } from './gcp-services.ts';

export type MixName = 'aws' | 'aws-network' | 'aws-sandbox' | 'azure' | 'gcp';

export const SERVICE_MIXES: Record<MixName, readonly CloudService[]> = {
  aws: AWS_WORKLOAD,
  'aws-network': AWS_NETWORK,
  'aws-sandbox': AWS_SANDBOX,
  azure: AZURE_WORKLOAD,
  gcp: GCP_WORKLOAD,
};
