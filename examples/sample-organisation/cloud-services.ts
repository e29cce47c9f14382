/**
 * The services that the sample's resources are made of, per cloud, with invented but plausible SKUs and list prices.
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

type Row = readonly [
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
function services(rows: readonly Row[]): readonly CloudService[] {
  return rows.map(([key, names, sku, unit, listPriceNano, description, resourceType, operation, shareBp, traits]) => {
    const [serviceName = '', serviceCategory = '', serviceSubcategory = ''] = names.split(' | ');
    const naming = { key, serviceName, serviceCategory, serviceSubcategory, sku, unit, listPriceNano };
    return { ...naming, description, resourceType, operation, shareBp, ...traits };
  });
}

const AWS_WORKLOAD = services([
  [
    'ec2',
    'Amazon Elastic Compute Cloud | Compute | Virtual Machines',
    'QK4T7PZM2WCX9LHB',
    'Hrs',
    192_000_000n,
    '$0.192 per On Demand Linux m6i.xlarge Instance Hour',
    'instance',
    'RunInstances',
    2400n,
    { hourly: true },
  ],
  [
    'lambda',
    'AWS Lambda | Compute | Serverless Compute',
    'V8GH3YRNC5TQJ6DA',
    'Lambda-GB-Second',
    16_667n,
    'AWS Lambda - Compute - GB-seconds',
    'function',
    'Invoke',
    500n,
    { hourly: true },
  ],
  [
    'rds',
    'Amazon Relational Database Service | Databases | Relational Databases',
    'M2XB9CKE7RWVF4TS',
    'Hrs',
    480_000_000n,
    '$0.48 per RDS db.r6g.xlarge Single-AZ instance hour running PostgreSQL',
    'db',
    'CreateDBInstance:0014',
    2000n,
  ],
  [
    'fargate',
    'Amazon Elastic Container Service | Compute | Containers',
    'TD6NWQ5ZK8PYH3RG',
    'hours',
    40_480_000n,
    'AWS Fargate - vCPU - hours',
    'service',
    'FargateTask',
    1400n,
    { covered: true },
  ],
  [
    's3',
    'Amazon Simple Storage Service | Storage | Object Storage',
    'B9F3JWTXZ4MKQE7C',
    'GB-Mo',
    23_000_000n,
    '$0.023 per GB - first 50 TB / month of storage used',
    'bucket',
    'StandardStorage',
    900n,
  ],
  [
    's3-requests',
    'Amazon Simple Storage Service | Storage | Object Storage',
    'H7PVRC2YD5NGLK8W',
    'Requests',
    400n,
    '$0.004 per 10,000 GET and all other requests',
    'bucket',
    'GetObject',
    300n,
  ],
  [
    'elb',
    'Elastic Load Balancing | Networking | Application Networking',
    'ZR5KTX8QHM3EWB6N',
    'LCU-Hrs',
    8_000_000n,
    '$0.008 per used Application load balancer capacity unit-hour (or partial hour)',
    'loadbalancer/app',
    'LoadBalancing:Application',
    600n,
  ],
  [
    'elasticache',
    'Amazon ElastiCache | Databases | Caching',
    'C3WGDPN7VYTJ9F2X',
    'Hrs',
    206_000_000n,
    '$0.206 per Cache node-hour for cache.r6g.large running Valkey',
    'cluster',
    'CreateCacheCluster:0002',
    900n,
  ],
  [
    'dynamodb',
    'Amazon DynamoDB | Databases | NoSQL Databases',
    'L6QEYH4BSZ9MRK3T',
    'WriteRequestUnits',
    1_250n,
    '$1.25 per million write request units',
    'table',
    'PayPerRequestThroughput',
    500n,
  ],
  [
    'cloudwatch',
    'AmazonCloudWatch | Management and Governance | Observability',
    'X4JNMT8CRW2VDG5P',
    'GB',
    500_000_000n,
    '$0.50 per GB custom log data ingested in Standard log class',
    'log-group',
    'PutLogEvents',
    300n,
  ],
  [
    'ebs',
    'Amazon Elastic Compute Cloud | Storage | Block Storage',
    'F8KZ6DWQPH3XTB9Y',
    'GB-Mo',
    80_000_000n,
    '$0.08 per GB-month of General Purpose (gp3) provisioned storage',
    'volume',
    'CreateVolume-Gp3',
    200n,
  ],
]);

const AWS_NETWORK = services([
  [
    'transit-gateway',
    'AWS Transit Gateway | Networking | Network Connectivity',
    'N5VCTY7GRK2MQX8H',
    'GigaBytes',
    20_000_000n,
    '$0.02 per GigaByte of data processed by Transit Gateway',
    'transit-gateway-attachment',
    'TransitGatewayVPC',
    5000n,
  ],
  [
    'nat',
    'Amazon Virtual Private Cloud | Networking | Network Routing',
    'W3DBPH9FZT6JKL4E',
    'GB',
    45_000_000n,
    '$0.045 per GB Data Processed by NAT Gateways',
    'natgateway',
    'NatGateway',
    3000n,
  ],
  [
    'transfer',
    'AWS Data Transfer | Networking | Network Connectivity',
    'G2RXNM8WQC5VYS7T',
    'GB',
    90_000_000n,
    '$0.09 per GB - first 10 TB / month data transfer out',
    'vpc',
    'InterZone-Out',
    2000n,
  ],
]);

const AWS_SANDBOX = services([
  [
    'ec2',
    'Amazon Elastic Compute Cloud | Compute | Virtual Machines',
    'QK4T7PZM2WCX9LHB',
    'Hrs',
    192_000_000n,
    '$0.192 per On Demand Linux m6i.xlarge Instance Hour',
    'instance',
    'RunInstances',
    7000n,
    { rests: true },
  ],
  [
    's3',
    'Amazon Simple Storage Service | Storage | Object Storage',
    'B9F3JWTXZ4MKQE7C',
    'GB-Mo',
    23_000_000n,
    '$0.023 per GB - first 50 TB / month of storage used',
    'bucket',
    'StandardStorage',
    3000n,
  ],
]);

const AZURE_WORKLOAD = services([
  [
    'vm',
    'Virtual Machines | Compute | Virtual Machines',
    'DZH318Z0BPS6/00TG',
    '1 Hour',
    191_360_000n,
    'Virtual Machines Dv5 Series - D4 v5 - EU West',
    'Virtual machine',
    'Microsoft.Compute/virtualMachines',
    2600n,
    { covered: true },
  ],
  [
    'sql',
    'Azure SQL Database | Databases | Relational Databases',
    'DZH318Z0BQ3V/01MK',
    '1 Hour',
    224_713_000n,
    'SQL Database Single/Elastic Pool General Purpose - Compute Gen5 - vCore - EU West',
    'SQL database',
    'Microsoft.Sql/servers',
    2400n,
  ],
  [
    'app-service',
    'Azure App Service | Web | Application Platforms',
    'DZH318Z0BRL4/003C',
    '1 Hour',
    176_800_000n,
    'Azure App Service Premium v3 Plan - P1 v3 App - EU West',
    'App Service plan',
    'Microsoft.Web/serverfarms',
    1500n,
    { rests: true },
  ],
  [
    'aks',
    'Azure Kubernetes Service | Compute | Containers',
    'DZH318Z0BZ4Q/002R',
    '1 Hour',
    92_000_000n,
    'Azure Kubernetes Service - Standard Uptime SLA - EU West',
    'Kubernetes service',
    'Microsoft.ContainerService/managedClusters',
    1000n,
  ],
  [
    'storage',
    'Storage Accounts | Storage | Object Storage',
    'DZH318Z0BNZ3/05FT',
    '1 GB/Month',
    18_032_000n,
    'Tiered Block Blob - Hot LRS Data Stored - EU West',
    'Storage account',
    'Microsoft.Storage/storageAccounts',
    800n,
  ],
  [
    'monitor',
    'Azure Monitor | Management and Governance | Observability',
    'DZH318Z0BXVN/00H7',
    '1 GB',
    2_544_000_000n,
    'Log Analytics - Pay-as-you-go Data Ingestion - EU West',
    'Log Analytics workspace',
    'Microsoft.OperationalInsights/workspaces',
    600n,
  ],
  [
    'bandwidth',
    'Bandwidth | Networking | Network Connectivity',
    'DZH318Z0BNVX/0152',
    '1 GB',
    80_040_000n,
    'Rtn Preference: MGN - Standard Data Transfer Out - EU West',
    'Public IP address',
    'Microsoft.Network/publicIPAddresses',
    500n,
  ],
  [
    'service-bus',
    'Service Bus | Integration | Messaging',
    'DZH318Z0BN3B/009L',
    '1M',
    736_000_000n,
    'Service Bus - Standard Messaging Operations',
    'Service Bus Namespace',
    'Microsoft.ServiceBus/namespaces',
    500n,
  ],
  [
    'key-vault',
    'Key Vault | Security | Secrets Management',
    'DZH318Z0BN0C/0049',
    '10K',
    27_600_000n,
    'Key Vault - Operations - EU West',
    'Key vault',
    'Microsoft.KeyVault/vaults',
    100n,
  ],
]);

const GCP_WORKLOAD = services([
  [
    'bigquery',
    'BigQuery | Analytics | Data Processing',
    '7C21-9A0E-44F3',
    'tebibyte',
    6_250_000_000n,
    'Analysis (eu-west1)',
    'dataset',
    'bigquery.googleapis.com',
    3000n,
  ],
  [
    'compute',
    'Compute Engine | Compute | Virtual Machines',
    '2E5B-71D4-08AA',
    'hour',
    31_611_000n,
    'N2 Instance Core running in Belgium',
    'instance',
    'compute.googleapis.com',
    2500n,
    { creditBp: 2000n },
  ],
  [
    'dataflow',
    'Cloud Dataflow | Analytics | Data Processing',
    '91D6-3C8F-B270',
    'hour',
    69_000_000n,
    'vCPU Time Streaming Belgium',
    'job',
    'dataflow.googleapis.com',
    1000n,
    { creditBp: 1000n },
  ],
  [
    'gke',
    'Kubernetes Engine | Compute | Containers',
    'B561-E2F7-4C19',
    'hour',
    100_000_000n,
    'Regional Kubernetes Clusters',
    'cluster',
    'container.googleapis.com',
    1000n,
  ],
  [
    'storage',
    'Cloud Storage | Storage | Object Storage',
    'E9A4-60C2-17BD',
    'gibibyte month',
    20_000_000n,
    'Standard Storage Belgium',
    'bucket',
    'storage.googleapis.com',
    900n,
  ],
  [
    'run',
    'Cloud Run | Compute | Serverless Compute',
    '4F08-D6B3-95E1',
    'second',
    24_000n,
    'CPU Allocation Time (tier 1)',
    'service',
    'run.googleapis.com',
    600n,
    { rests: true },
  ],
  [
    'pubsub',
    'Cloud Pub/Sub | Integration | Messaging',
    'A172-5E9D-C036',
    'tebibyte',
    40_000_000_000n,
    'Message Delivery Basic',
    'topic',
    'pubsub.googleapis.com',
    500n,
  ],
  [
    'logging',
    'Cloud Logging | Management and Governance | Observability',
    '143F-A1B0-E0BE',
    'gibibyte',
    500_000_000n,
    'Log Storage cost',
    'bucket',
    'logging.googleapis.com',
    300n,
  ],
  [
    'egress',
    'Networking | Networking | Network Connectivity',
    'C8D3-2F71-6A94',
    'gibibyte',
    120_000_000n,
    'Network Internet Data Transfer Out from Europe to EMEA',
    'address',
    'networkservices.googleapis.com',
    200n,
  ],
]);

export type MixName = 'aws' | 'aws-network' | 'aws-sandbox' | 'azure' | 'gcp';

export const SERVICE_MIXES: Record<MixName, readonly CloudService[]> = {
  aws: AWS_WORKLOAD,
  'aws-network': AWS_NETWORK,
  'aws-sandbox': AWS_SANDBOX,
  azure: AZURE_WORKLOAD,
  gcp: GCP_WORKLOAD,
};
