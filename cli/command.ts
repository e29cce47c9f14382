/**
 * How every command is built: one file per command under commands/, each giving its name, options, an example and what it does.
 * --json is understood by all; with it, stdout carries one JSON document and nothing else.
 */
import type { Command } from 'commander';

/** Adds a command to the program. */
export type CommandModule = (program: Command) => void;

/** Appends examples to a command's help. */
export function withExamples(command: Command, ...examples: readonly string[]): Command {
  return command.addHelpText('after', `\nExamples:\n${examples.map((example) => `  $ ${example}`).join('\n')}\n`);
}

/** Declares --json in the same words everywhere. */
export function withJson(command: Command): Command {
  return command.option('--json', 'print one JSON document on stdout and nothing else');
}
