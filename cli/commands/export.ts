/** outturn export: figures for other systems, one command per system under commands/export-….ts. */
import type { Command } from 'commander';
import { exportFocusCommand } from './export-focus.ts';
import { exportJournalCommand } from './export-journal.ts';

export function exportCommand(program: Command): void {
  const command = program.command('export').description('figures for other systems');
  exportFocusCommand(command);
  exportJournalCommand(command);
}
