/**
 * Stands for any command of the product that uses the embedded database: starts or joins the server of the folder given as
 * argument, says so on standard output, and leaves when told `release` on standard input. Interrupts are ignored, like in a
 * command that is finishing its work. Run as a process of its own by the tests of db/embedded.ts.
 */
import { createInterface } from 'node:readline';
import { startEmbedded } from '../../db/embedded.ts';

process.on('SIGINT', () => {});
const dataDir = process.argv[2] ?? '';
const say = (event: object): boolean => process.stdout.write(`${JSON.stringify(event)}\n`);
const log = (_fields: object, message: string): void => void say({ log: message });

try {
  const { url, port, folder, release } = await startEmbedded({
    dataDir,
    logger: { debug: log, info: log, warn: log, error: log },
  });
  say({ ready: { url, port, folder } });
  for await (const line of createInterface({ input: process.stdin })) {
    if (line === 'release') break;
  }
  await release();
  say({ released: true });
  process.exit(0);
} catch (error) {
  say({ failed: error instanceof Error ? error.message : 'no error' });
  process.exit(1);
}
