/** Closing from the command line: the operator prepares, finance approves with a token of their own, and everybody can check it. */
import { createHash } from 'node:crypto';
import { sql } from 'kysely';
import { describe, expect } from 'vitest';
import { createToken } from '../../services/access/tokens.ts';
import { localOperator } from '../../services/kernel/ports.ts';
import { listStatements } from '../../services/periods/list-statements.ts';
import { test } from '../support/database.ts';
import { performHere } from '../support/perform-here.ts';
import { seedTwoPods } from '../support/two-pods.ts';

describe('outturn close', () => {
  test('freezes a month that another person approves; statements shows and verifies it', async ({
    database: { db, url },
  }) => {
    const run = (...args: string[]) => performHere({ DATABASE_URL: url }, ...args);
    await seedTwoPods(db);
    const now = new Date();
    const expiresAt = new Date(now.getTime() + 86_400_000);
    const request = { principal: 'grace@example.com', role: 'finance' as const, pods: [], expiresAt };
    const { token } = await db.transaction().execute((trx) => createToken(trx, request, localOperator, now));

    const refused = await run('close', '2026-09');
    expect(refused).toMatchObject({ exitCode: 1, stdout: '' });
    expect(refused.stderr).toContain('2026-09 cannot be closed yet.\nSource "files" has usage up to 2026-09-14');
    const prepared = await run('close', '2026-09', '--force', '--reason', 'no bill after the 14th');
    expect(prepared.stdout).toContain(
      'Statement 1 of 2026-09 is prepared; nothing is closed yet.\nForced: no bill after the 14th',
    );
    const approved = await performHere({ DATABASE_URL: url, OUTTURN_TOKEN: token }, 'close', '2026-09', '--approve');
    expect(approved.stdout).toContain('2026-09 is closed by statement 1, approved by grace@example.com.');
    const document = await run('statements', 'show', '1', '--json');
    const hash = createHash('sha256').update(document.stdout).digest('hex');
    expect(await listStatements(db)).toMatchObject([
      { statementId: '1', documentHash: hash, approvedBy: 'grace@example.com' },
    ]);
    const report = await run('report', 'value-per-pod', '--period', '2026-09', '--as-now');
    expect(report.stdout).toContain('2026-09 (closed, statement 1): EffectiveCost in USD');
    expect(report.stdout).toContain('cost as stated  as now known  moved');

    await sql`update pod_day set effective_cost = effective_cost + 7.005 where pod_id = 'checkout' and kind = 'direct'`.execute(
      db,
    );
    await sql`update organisation set figures_version = figures_version + 1`.execute(db);
    const adjustments = await run('report', 'adjustments', '--period', '2026-10');
    expect(adjustments.stdout).toMatch(/^2026-10\s+2026-09\s+checkout\s+direct\s+0\.00\s+7\.00$/m);
    await sql`alter table statement disable trigger statement_is_final`.execute(db);
    await sql`update statement set document = document || ' '`.execute(db);
    const broken = await run('statements', 'verify');
    expect(broken).toMatchObject({
      exitCode: 1,
      stdout: expect.stringContaining('Statement 1 of 2026-09 is not what was approved'),
    });
  });
});
