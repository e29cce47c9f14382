/** outturn worker: takes background jobs until it is told to stop. */
import type { Command } from 'commander';
import { systemPrincipal } from '../../services/kernel/ports.ts';
import { withExamples } from '../command.ts';
import { openRuntime } from '../runtime.ts';
import { untilInterrupted } from '../until-interrupted.ts';

export function workerCommand(program: Command): void {
  const command = program
    .command('worker')
    .description('take background jobs (staging, publishing, alerts) until stopped')
    .action(async () => {
      const runtime = await openRuntime({ applicationName: 'outturn worker', isService: true });
      try {
        const { startWorker } = await import('../../jobs/worker.ts');
        const worker = await startWorker(
          { ...runtime.jobContext(), principal: systemPrincipal },
          await runtime.queue(),
        );
        await untilInterrupted();
        await worker.close();
      } finally {
        await runtime.close();
      }
    });
  withExamples(command, 'outturn worker', 'REDIS_URL=redis://localhost:6379 DATABASE_URL=postgres://… outturn worker');
}
