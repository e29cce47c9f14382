/**
 * The lock of the embedded database under real processes: four of them take it again and again, some die by kill -9 while they
 * hold it. Each holder writes that it entered and that it left; an entry between another's two lines would show two holders.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { withHomeLock } from '../../db/embedded-lock.ts';

const LOCK_MODULE = join(import.meta.dirname, '../../db/embedded-lock.ts');
const PROCESSES = 4;
const ROUNDS = 40;

/** Every tenth round of a process marked to die ends in its kill, with the lock held. */
const PROGRAM = `
  import { appendFileSync } from 'node:fs';
  import { setTimeout as delay } from 'node:timers/promises';
  const { withHomeLock } = await import(${JSON.stringify(LOCK_MODULE)});
  const [home, journal, name, diesAt] = process.argv.slice(1);
  for (let round = 1; round <= ${ROUNDS}; round += 1) {
    await withHomeLock(home, async () => {
      appendFileSync(journal, 'in ' + name + '\\n');
      await delay(1);
      if (round === Number(diesAt)) process.kill(process.pid, 'SIGKILL');
      appendFileSync(journal, 'out ' + name + '\\n');
    });
  }
`;

test('there is never more than one holder, and a killed holder is succeeded exactly once', async ({
  onTestFinished,
}) => {
  const folder = await mkdtemp(join(tmpdir(), 'outturn-lock-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const home = await mkdtemp(join(folder, 'home-'));
  const journal = join(folder, 'journal');
  writeFileSync(journal, '');

  const lives = Array.from({ length: PROCESSES }, (_, index) => `${index}`).flatMap((name) => [
    { name: `${name}-dies`, diesAt: `${5 + 7 * Number(name)}` },
    { name, diesAt: '0' },
  ]);
  await Promise.all(
    lives.map(async ({ name, diesAt }) => {
      const args = ['--input-type=module', '--eval', PROGRAM, home, journal, name, diesAt];
      await once(spawn(process.execPath, args, { stdio: ['ignore', 'inherit', 'inherit'] }), 'exit');
    }),
  );

  const lines = readFileSync(journal, 'utf8').trim().split('\n');
  const entered = lines.filter((line) => line.startsWith('in '));
  expect(entered).toHaveLength(PROCESSES * ROUNDS + lives.reduce((sum, { diesAt }) => sum + Number(diesAt), 0));
  const overlaps = lines.filter((line, index) => {
    const [former, name] = [lines[index - 1], line.split(' ')[1]];
    if (line.startsWith('out ')) return former !== `in ${name}`;
    return former?.startsWith('in ') === true && !former.endsWith('-dies');
  });
  expect(overlaps).toEqual([]);

  await withHomeLock(home, async () => {});
  expect(readdirSync(home)).toEqual([expect.stringMatching(/^lock\.\d+$/)]);
}, 60_000);
