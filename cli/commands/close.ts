/** outturn close: freezes a month or quarter; one person prepares, another approves. */
import type { Command } from 'commander';
import { AppError } from '../../services/kernel/errors.ts';
import { approveStatement } from '../../services/periods/approve-statement.ts';
import { discardStatement } from '../../services/periods/discard-statement.ts';
import { findPrepared, readStatement } from '../../services/periods/list-statements.ts';
import { prepareStatement, reasonsOf } from '../../services/periods/prepare-statement.ts';
import { actingPrincipal } from '../acting-principal.ts';
import { withExamples, withJson } from '../command.ts';
import { printJson, printText } from '../output.ts';
import { renderPrepared } from '../render/statements.ts';
import { type Runtime, withRuntime } from '../runtime.ts';

interface CloseOptions {
  readonly approve?: boolean;
  readonly discard?: boolean;
  readonly force?: boolean;
  readonly reissue?: boolean;
  readonly reason?: string;
  readonly json?: boolean;
}

export function closeCommand(program: Command): void {
  const command = program
    .command('close')
    .description('freeze a month or quarter; OUTTURN_TOKEN says who does it, a second person approves')
    .argument('<period>', '2026-09 (month), or 2026-Q3 (quarter, once its months are closed)')
    .option('--approve', 'approve what was prepared: the period is closed from then on')
    .option('--discard', 'take back what was prepared')
    .option('--force', 'although a source is missing, late or not final')
    .option('--reissue', 'close a closed period anew; the former statement is kept')
    .option('--reason <text>', 'why, for --force and --reissue; kept in the statement')
    .action(async (period: string, options: CloseOptions) => {
      if (options.approve === true && options.discard === true) {
        throw new AppError('invalid_input', 'Either --approve or --discard: one statement cannot be both.');
      }
      await withRuntime({ applicationName: 'outturn close' }, async (runtime) => {
        if (options.approve === true) await approve(runtime, period, options);
        else if (options.discard === true) await discard(runtime, period, options);
        else await prepare(runtime, period, options);
      });
    });
  withExamples(
    withJson(command),
    'outturn close 2026-09',
    'outturn close 2026-09 --force --reason "Azure confirmed its figures by e-mail"',
    'OUTTURN_TOKEN=ot_… outturn close 2026-09 --approve',
  );
}

async function prepare(runtime: Runtime, period: string, options: CloseOptions): Promise<void> {
  const principal = await actingPrincipal(runtime);
  const request = { period, ...reasonsOf(options), principal, at: runtime.clock.now() };
  const prepared = await runtime.db.transaction().execute((trx) => prepareStatement(trx, request));
  if (options.json === true) printJson(prepared);
  else printText(renderPrepared(prepared));
}

async function approve(runtime: Runtime, period: string, options: CloseOptions): Promise<void> {
  const principal = await actingPrincipal(runtime);
  const at = runtime.clock.now();
  const approved = await runtime.db.transaction().execute(async (trx) => {
    const { statementId } = await findPrepared(trx, period, at);
    return approveStatement(trx, { statementId, principal, at });
  });
  if (options.json === true) printJson(approved);
  else {
    printText(
      `${approved.period} is closed by statement ${approved.statementId}, approved by ${principal.id}.\nHash ${approved.hash ?? ''}: keep it where nobody who may change the database can.`,
    );
  }
}

async function discard(runtime: Runtime, period: string, options: CloseOptions): Promise<void> {
  const principal = await actingPrincipal(runtime);
  const at = runtime.clock.now();
  const discarded = await runtime.db.transaction().execute(async (trx) => {
    const { statementId } = await findPrepared(trx, period, at);
    await discardStatement(trx, { statementId, principal, at });
    return readStatement(trx, statementId);
  });
  if (options.json === true) printJson(discarded);
  else
    printText(
      `Statement ${discarded.statementId} of ${discarded.period} is discarded; ${discarded.period} stays open.`,
    );
}
