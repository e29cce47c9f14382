/** A command whose reader stops reading, as `| head` does, ends as if all had been read. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const MAIN = join(import.meta.dirname, '../../cli/main.ts');

test('what nobody reads any more is not printed, and is no failure', { timeout: 60_000 }, async () => {
  const child = spawn(process.execPath, [MAIN, 'up', '--help'], { stdio: ['ignore', 'pipe', 'pipe'] });
  child.stdout.destroy();
  let told = '';
  child.stderr.on('data', (piece: Buffer) => (told += piece.toString()));
  expect(await once(child, 'close')).toEqual([0, null]);
  expect(told).toBe('');
});
