/** A closed quarter of the CIO: its figures and its PDF stay to the byte, whatever is retracted or ruled afterwards, over HTTP as well. */
import { describe, expect } from 'vitest';
import { cloudReturnPdf } from '../../services/cloud-return/pdf/cloud-return-pdf.ts';
import { enablingReport } from '../../services/enabling/enabling-report.ts';
import { verifyStatements } from '../../services/periods/verify-statements.ts';
import { startTestApi } from '../support/api.ts';
import { rulebook } from '../support/billed-charges.ts';
import { AFTERWARDS, close, putInForce } from '../support/closing.ts';
import { CHECKOUT, PODS, QUARTER, report, retract, stepsOf, test } from '../support/quarter-company.ts';

describe('a closed quarter', () => {
  test('is kept with its statement: its figures and its PDF never change', async ({ db, open, database }) => {
    for (const month of ['2026-07', '2026-08', '2026-09']) await close(db, month);
    const statementId = await close(db, QUARTER);
    const closed = await report(db);
    expect(closed).toMatchObject({ state: 'closed', statementId, pods: open.pods });
    expect(stepsOf(closed.costBridge)).toEqual(stepsOf(open.costBridge));
    expect(stepsOf(closed.valueBridge)).toEqual(stepsOf(open.valueBridge));
    const pdf = Buffer.from(await cloudReturnPdf(closed));
    const enabling = await enablingReport(db, { period: QUARTER });
    expect(enabling).toMatchObject({
      statementId,
      pods: [{ podId: 'network', served: [{ podId: 'checkout', outcomes: 1 }] }],
    });
    expect(closed.enabling).toEqual(enabling.pods);

    await retract(db, 'new');
    expect(await enablingReport(db, { period: QUARTER })).toEqual(enabling);
    expect((await enablingReport(db, { period: '2026-07-01..2026-09-30' })).pods).toMatchObject([{ outcomes: 0 }]);
    await putInForce(db, rulebook([CHECKOUT], PODS));
    const later = await report(db);
    expect(later).toEqual(closed);
    expect(Buffer.from(await cloudReturnPdf(later)).equals(pdf)).toBe(true);
    expect((await verifyStatements(db)).verified).toBe(true);

    const api = await startTestApi(database);
    api.clock.set(AFTERWARDS.toISOString());
    try {
      const headers = await api.authorise('cio');
      const url = `/api/v1/reports/cloud-return?quarter=${QUARTER}`;
      const json = await api.app.inject({ url, headers });
      expect(json.body).toBe(`${JSON.stringify(closed, null, 2)}\n`);
      const printed = await api.app.inject({ url, headers: { ...headers, accept: 'application/pdf' } });
      expect(printed.headers['content-type']).toBe('application/pdf');
      expect(printed.rawPayload.equals(pdf)).toBe(true);
      const table = await api.app.inject({ url, headers: { ...headers, accept: 'text/csv' } });
      expect(table.body).toContain(`${QUARTER},closed,${statementId},cost bridge,fx,${QUARTER},amount,2.2,USD`);
      const month = await api.app.inject({ url: url.replace(QUARTER, '2026-07'), headers });
      expect(month.json()).toMatchObject({
        code: 'invalid_period',
        detail: '"2026-07" is not a quarter. Write one such as 2026-Q3.',
      });
      const ofPod = await api.app.inject({ url, headers: await api.authorise('pod', { pods: ['checkout'] }) });
      expect(ofPod.statusCode).toBe(403);
    } finally {
      await api.close();
    }
  });
});
