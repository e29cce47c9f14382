/**
 * AWS Cost Explorer with made-up costs, for looking at the connector by hand:
 *
 *     node test/support/cost-explorer-server/main.ts --port 9001
 *
 * It prints what to put into the environment and into an organisation file; `aws ce get-cost-and-usage --endpoint-url` reads it, too.
 */
import { parseArgs } from 'node:util';
import { addDays, utcDate } from '../../../services/kernel/period.ts';
import { printSource } from '../print-source.ts';
import { startCostExplorerDouble } from './cost-explorer-server.ts';
import type { CostCharge } from './evaluate-costs.ts';

const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '9001' },
    days: { type: 'string', default: '90' },
    accounts: { type: 'string', default: '3' },
    'page-size': { type: 'string', default: '1000' },
    'throttle-every': { type: 'string', default: '0' },
    help: { type: 'boolean', default: false },
  },
});
const SERVICES = ['Amazon Simple Storage Service', 'Amazon Elastic Compute Cloud - Compute', 'AWS Lambda'];
const APPLICATIONS = ['checkout', 'search', undefined];

if (values.help) {
  console.log(`Answers GetCostAndUsage by day on 127.0.0.1 over made-up costs.

  --port N             where (9001)
  --days N             how many days up to today have costs (90)
  --accounts N         linked accounts (3); their costs carry the tag application, or none
  --page-size N        groups per page (1000)
  --throttle-every N   every Nth call is answered with ThrottlingException (0: never)

Access key and secret: local`);
} else {
  await serve();
}

async function serve(): Promise<void> {
  const every = Number(values['throttle-every']);
  const double = await startCostExplorerDouble({
    port: Number(values.port),
    accessKeyId: 'local',
    secretAccessKey: 'local',
    onCall: ({ TimePeriod, GroupBy = [] }, status) => {
      console.log(`${status} ${TimePeriod.Start}..${TimePeriod.End} ${GroupBy.map(({ Key }) => Key).join(' × ')}`);
      if (every > 0 && (double.calls.length + 1) % every === 0) {
        double.faults.push({ kind: 'throttle', retryAfterSeconds: 1 });
      }
    },
  });
  double.pageSize = Number(values['page-size']);
  const today = utcDate(new Date());
  double.charges = Array.from({ length: Number(values.days) }, (_, age) => addDays(today, -age)).flatMap(chargesOf);
  printSource(
    'export AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local',
    `id: aws-quick, kind: aws-cost-explorer, billingAccountId: "000000000001", groupByTag: application, endpoint: "${double.url}"`,
  );
}

function chargesOf(day: string): CostCharge[] {
  return Array.from({ length: Number(values.accounts) }, (_, index) => String(index + 1).padStart(12, '0')).flatMap(
    (account, index) => [
      ...SERVICES.map((service, place) => {
        const application = APPLICATIONS[(index + place) % APPLICATIONS.length];
        const tags = application === undefined ? {} : { tags: { application } };
        return { day, account, service, unblended: `${index + place + 1}.2345678901`, ...tags };
      }),
      { day, account, service: 'Tax', recordType: 'Tax', unblended: '0.19' },
    ],
  );
}
