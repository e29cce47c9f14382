/** outturn api: serves the HTTP API until it is told to stop. */
import type { Command } from 'commander';
import { withExamples } from '../command.ts';
import { openRuntime } from '../runtime.ts';
import { untilInterrupted } from '../until-interrupted.ts';

export function apiCommand(program: Command): void {
  const command = program
    .command('api')
    .description('serve the HTTP API until stopped')
    .action(async () => {
      const runtime = await openRuntime({ applicationName: 'outturn api', isService: true, poolMax: 10 });
      try {
        const { serveApi } = await import('../serve-api.ts');
        const api = await serveApi(runtime);
        await untilInterrupted();
        await api.close();
      } finally {
        await runtime.close();
      }
    });
  withExamples(command, 'outturn api', 'PORT=8080 outturn api');
}
