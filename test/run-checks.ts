/**
 * Every check that is no test, two at a time, the longest first; each prints what it has to say when it ends. The rules of
 * test/architecture.test.ts are a test: `npm test` runs them with the others, `npm run check` after these.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';

const CHECKS = ['check:lint', 'check:types', 'check:schema', 'check:unused', 'check:format'];
const AT_ONCE = 2;

const waiting = [...CHECKS];
await Promise.all(Array.from({ length: AT_ONCE }, runNext));

async function runNext(): Promise<void> {
  for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
    // A shell finds npm on every system; nothing of ours stands in the line but the names above.
    const child = spawn(`npm run --silent ${name}`, { shell: true, stdio: ['ignore', 'pipe', 'pipe'] });
    let said = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => (said += text));
    const [exitCode] = (await once(child, 'close')) as [number | null];
    process.stdout.write(`${name}: ${exitCode === 0 ? 'ok' : 'failed'}\n${said}`);
    if (exitCode !== 0) process.exitCode = 1;
  }
}
