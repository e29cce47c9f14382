/** Limits at the command line, in the name of whose token OUTTURN_TOKEN is: set, asked for, refused to the wrong people, granted, looked back on. */
import { afterEach, describe, expect, vi } from 'vitest';
import { buildProgram } from '../../cli/program.ts';
import { createToken } from '../../services/access/tokens.ts';
import { localOperator } from '../../services/kernel/ports.ts';
import { type TestDatabase, test } from '../support/database.ts';
import { addPod } from '../support/envelope-builders.ts';

afterEach(() => {
  vi.unstubAllEnvs();
});

async function tokenOf(
  { db }: TestDatabase,
  id: string,
  role: 'finance' | 'pod',
  pods: string[] = [],
): Promise<string> {
  const expiresAt = new Date(Date.now() + 3_600_000);
  const { token } = await db
    .transaction()
    .execute((trx) => createToken(trx, { principal: id, role, pods, expiresAt }, localOperator, new Date()));
  return token;
}

/** Runs a command in this process and answers its document. */
async function run<Document>({ url }: TestDatabase, token: string, ...args: string[]): Promise<Document> {
  vi.stubEnv('DATABASE_URL', url);
  vi.stubEnv('OUTTURN_TOKEN', token);
  const written: string[] = [];
  const stdout = vi.spyOn(process.stdout, 'write').mockImplementation((text) => written.push(String(text)) > 0);
  try {
    const program = await buildProgram(args);
    await program.parseAsync([...args, '--json'], { from: 'user' });
  } finally {
    stdout.mockRestore();
  }
  return JSON.parse(written.join(''));
}

describe('outturn envelopes', () => {
  test('sets a limit, asks for a raise and grants it, each by whom it takes', async ({ database }) => {
    await addPod(database.db, { id: 'checkout' });
    const grace = await tokenOf(database, 'grace@example.com', 'finance');
    const ada = await tokenOf(database, 'ada@example.com', 'pod', ['checkout']);
    const limit = ['--pod', 'checkout', '--period', '2099-Q1', '--currency', 'USD', '--limit'];
    await expect(run(database, ada, 'envelopes', 'set', ...limit, '100')).rejects.toThrow('Finance approves envelopes');
    await expect(run(database, grace, 'envelopes', 'set', ...limit.slice(2), '100')).rejects.toThrow('Say whose it is');
    const set = await run<{ envelopeId: string }>(database, grace, 'envelopes', 'set', ...limit, '100.50');
    expect(set).toMatchObject({ version: 1, change: 'created' });
    const raise = ['envelopes', 'raise', set.envelopeId, '--limit', '140', '--reason', 'A sale'];
    const { requestId } = await run<{ requestId: string }>(database, ada, ...raise, '--until', '2099-03-31');
    await expect(run(database, ada, 'envelopes', 'grant', requestId)).rejects.toThrow('cannot decide about it');
    expect(await run(database, grace, 'envelopes', 'grant', requestId)).toEqual({ requestId, state: 'granted' });
    expect(await run(database, grace, 'envelopes', 'history', set.envelopeId)).toMatchObject({
      versions: [{ limit: '100.5' }, { limit: '140', approvedBy: 'grace@example.com', requestId }],
      raises: [{ state: 'granted', requestedVia: 'cli', decidedVia: 'cli', until: '2099-03-31' }],
    });
  });
});
