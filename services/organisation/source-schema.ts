/**
 * The kinds of source and the keys of each. A source of any kind validates; which of them this version can sync is the
 * connectors' matter, not the file's.
 */
import { Type } from 'typebox';
import { formatted, object, oneOf, plainText, text } from './schema-leaves.ts';

const schedule = object('schedule', {
  cron: Type.Optional(formatted('cron', 'When to look for deliveries, as a cron expression: "0 6 * * *".')),
  timeZone: Type.Optional(formatted('time-zone', 'The time zone of cron; UTC unless given.')),
  jitter: Type.Optional(
    formatted('clock-duration', 'Within how long after it the source is looked at, always at the same moment: PT10M.'),
  ),
  manual: Type.Optional(Type.Boolean({ description: 'Only look when somebody asks.' })),
});

const common = {
  id: formatted('id', 'Unique among sources; loads carry it.'),
  schedule: Type.Optional(schedule),
  currency: Type.Optional(formatted('currency-code', 'The billing currency of files that name none: EUR.')),
  expectEvery: Type.Optional(formatted('iso-duration', 'How often it delivers; a day counts as complete by it: P1D.')),
  settleAfter: Type.Optional(formatted('iso-duration', 'How long after its end a month may still change: P5D.')),
};

const awsProfile = Type.Optional(text("The profile of the AWS SDK's own files whose credentials are used."));

/** How a path in object storage is reached. */
const objectStorage = {
  region: Type.Optional(text("The bucket's region, of s3://.")),
  endpoint: Type.Optional(text('Another address that speaks the protocol of the storage: https://….')),
  forcePathStyle: Type.Optional(
    Type.Boolean({ description: "The bucket stands in the path, not in the host's name; of s3://." }),
  ),
  profile: Type.Optional(text("The profile of the AWS SDK's own files whose credentials are used, of s3://.")),
};

function kind<const Name extends string>(name: Name, description: string) {
  return Type.Literal(name, { description });
}

const SOURCES = [
  object('source', {
    ...common,
    kind: kind('focus-files', 'FOCUS files of any producer, in a folder or in object storage.'),
    path: text(
      'A folder or file, relative to the organisation file; or s3://bucket/folder, gs://bucket/folder, https://account.blob.core.windows.net/container/folder.',
    ),
    ...objectStorage,
  }),
  object('source', {
    ...common,
    kind: kind('aws-data-export', 'AWS Data Exports in a bucket.'),
    bucket: text('The bucket.'),
    prefix: Type.Optional(text('The prefix of the export within it.')),
    region: Type.Optional(text("The bucket's region.")),
    endpoint: Type.Optional(text('Another address that speaks the protocol of S3: https://….')),
    forcePathStyle: Type.Optional(
      Type.Boolean({ description: "The bucket stands in the path, not in the host's name." }),
    ),
    profile: awsProfile,
  }),
  object('source', {
    ...common,
    kind: kind('aws-cost-explorer', 'AWS Cost Explorer, for a start without an export.'),
    groupByTag: Type.Optional(text('The tag key to tell costs by, where they carry it.')),
    billingAccountId: Type.Optional(plainText('The account that pays; that of the credentials unless given.')),
    requestsPerDayMax: Type.Optional(
      Type.Integer({ minimum: 1, description: 'How many paid requests a day may take; 100 unless given.' }),
    ),
    region: Type.Optional(text('us-east-1 unless given; cn-northwest-1 in China.')),
    endpoint: Type.Optional(text('Another address of Cost Explorer: https://….')),
    profile: awsProfile,
  }),
  object('source', {
    ...common,
    kind: kind('gcp-bigquery-export', 'The Google Cloud billing export in BigQuery.'),
    table: text('project.dataset.table.'),
    project: Type.Optional(text("The project that queries run in and are charged to; the table's own unless given.")),
    bytesBilledPerDayMax: Type.Optional(
      Type.Integer({
        minimum: 10_485_760,
        description: 'How many bytes queries may bill a day; 100 GiB unless given.',
      }),
    ),
    endpoint: Type.Optional(text('Another address of BigQuery: https://….')),
    billingEndpoint: Type.Optional(text('Another address of Cloud Billing: https://….')),
  }),
  object('source', {
    ...common,
    kind: kind('azure-cost-export', 'An Azure cost export in a storage account.'),
    account: text('The storage account.'),
    container: text('The container.'),
    dataset: Type.Optional(
      oneOf(['actual', 'amortized'], 'Which of the two an export is whose files and folders do not say it.'),
    ),
    prefix: Type.Optional(text('The folder of the export within it.')),
    endpoint: Type.Optional(
      text("The account's address where it is another than https://ACCOUNT.blob.core.windows.net: https://…."),
    ),
  }),
  object('source', {
    ...common,
    kind: kind('oci-cost-reports', 'Oracle Cloud cost reports.'),
    path: plainText('The folder of the reports, here or in object storage: as for focus-files.'),
    ...objectStorage,
  }),
] as const;

/** One billing feed; `kind` decides which further keys it has. */
export const sourceSchema = Type.Union([...SOURCES], { description: 'A billing feed.' });
