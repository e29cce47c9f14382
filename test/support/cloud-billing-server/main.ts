/**
 * Serves two billing accounts as Cloud Billing does, for looking at a check by hand beside the BigQuery server:
 *
 *     node test/support/cloud-billing-server/main.ts --port 9051
 */
import { parseArgs } from 'node:util';
import { ACCOUNT } from '../bigquery-server/export-tables.ts';
import { startCloudBillingDouble } from './cloud-billing-server.ts';

const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '9051' },
    denied: { type: 'string', multiple: true, default: [] },
    help: { type: 'boolean', default: false },
  },
});

if (values.help) {
  console.log(`Serves billing accounts and their projects on 127.0.0.1 (get, list, projects.list).

  --port N       where (9051); the source has billingEndpoint: http://127.0.0.1:N
  --denied ID    a billing account that may not be looked at; may be given several times

Its tokens are those of test/support/bigquery-server.`);
} else {
  const double = await startCloudBillingDouble({
    port: Number(values.port),
    onCall: ({ status, path }) => console.log(`${status} ${path}`),
  });
  for (const id of values.denied) double.denied.add(id);
  double.put({ id: ACCOUNT, displayName: 'Acme', projects: ['acme-billing', 'shop-1', 'shop-2'] });
  double.put({ id: 'FFFFFF-000000-FFFFFF', displayName: 'Acme Labs', projects: ['lab-1'] });
  console.log(`${ACCOUNT} and another are served; into the source of test/support/bigquery-server:
    billingEndpoint: "${double.url}"`);
}
