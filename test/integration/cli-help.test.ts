/** The help: every command of the contract has one, with an example, and it needs neither settings nor a database. */
import type { Command } from 'commander';
import { expect, onTestFinished, test } from 'vitest';
import { buildProgram, buildWholeProgram } from '../../cli/program.ts';
import { freePort, makeWorkplace } from '../support/command-line.ts';

const COMMANDS = [
  'alerts acknowledge',
  'alerts dismiss',
  'alerts release',
  'alerts retry',
  'alerts snooze',
  'api',
  'apply',
  'close',
  'demo',
  'doctor',
  'drift accept',
  'envelopes activate',
  'envelopes activations',
  'envelopes grant',
  'envelopes headroom',
  'envelopes history',
  'envelopes raise',
  'envelopes refuse',
  'envelopes requests',
  'envelopes set',
  'events',
  'explain',
  'export focus',
  'export journal',
  'inbox drop',
  'ingest',
  'init',
  'invoices import',
  'invoices list',
  'metrics import',
  'metrics list',
  'migrate',
  'notes list',
  'notes sign',
  'notes withdraw',
  'outcomes agree',
  'outcomes answer',
  'outcomes claim',
  'outcomes enabled',
  'outcomes evidence add',
  'outcomes evidence break',
  'outcomes evidence list',
  'outcomes evidence mend',
  'outcomes evidence save',
  'outcomes import',
  'outcomes list',
  'outcomes pools set',
  'outcomes reject',
  'outcomes retract',
  'outcomes review',
  'outcomes show',
  'outcomes supersede',
  'outcomes template',
  'outcomes verify',
  'plan',
  'plans',
  'report adjustments',
  'report alerts',
  'report bridge',
  'report cloud-return',
  'report costs',
  'report coverage',
  'report enabling',
  'report invoices',
  'report reconciliation',
  'report tag-hygiene',
  'report value-per-pod',
  'sources check',
  'sources runs',
  'statements show',
  'statements verify',
  'tokens create',
  'tokens list',
  'tokens revoke',
  'up',
  'worker',
];
/** These answer nothing: they print a tour, or serve until they are stopped. */
const WITHOUT_JSON = ['api', 'demo', 'up', 'worker'];

interface Leaf {
  readonly name: string;
  readonly command: Command;
  readonly help: string;
}

/** Every command that does something, with the whole text of its help. */
function listLeaves(parent: Command, path: readonly string[] = []): Leaf[] {
  return parent.commands.flatMap((command) => {
    const names = [...path, command.name()];
    if (command.commands.length > 0) return listLeaves(command, names);
    let help = '';
    command.configureOutput({ writeOut: (text) => (help += text) }).outputHelp();
    return [{ name: names.join(' '), command, help }];
  });
}

test('the commands of the contract exist, and no others', async () => {
  expect(
    listLeaves(await buildWholeProgram())
      .map(({ name }) => name)
      .sort(),
  ).toEqual(COMMANDS);
});

test('every command says what it does and gives an example of itself', async () => {
  for (const { name, command, help } of listLeaves(await buildWholeProgram())) {
    expect(command.description(), name).not.toBe('');
    expect(help.split('Examples:')[1], name).toMatch(
      new RegExp(`^  \\$ .*\\b(outturn ${name}|npm run ${name})\\b`, 'm'),
    );
  }
});

test('the list of commands says of each what the command says of itself, in the same order', async () => {
  const told = ({ commands }: Command) => commands.map((command) => [command.name(), command.description()]);
  expect(told(await buildProgram(['--help']))).toEqual(told(await buildWholeProgram()));
});

test('a mistyped command is told which one may be meant', async () => {
  const program = await buildProgram(['ingets']);
  let said = '';
  program.configureOutput({ writeErr: (text) => (said += text) });
  await expect(program.parseAsync(['ingets', 'bill.csv'], { from: 'user' })).rejects.toThrow(
    "unknown command 'ingets'",
  );
  expect(said).toContain('Did you mean ingest?');
});

test('every option is described', async () => {
  for (const { name, command } of listLeaves(await buildWholeProgram())) {
    for (const option of command.options) expect(option.description, `${name} ${option.flags}`).not.toBe('');
  }
});

test('every command that answers takes --json', async () => {
  const without = listLeaves(await buildWholeProgram()).filter(
    ({ command }) => !command.options.some((one) => one.long === '--json'),
  );
  expect(without.map(({ name }) => name).sort()).toEqual(WITHOUT_JSON);
});

test('help needs neither right settings nor a database', { timeout: 60_000 }, async () => {
  const workplace = await makeWorkplace({
    DATABASE_URL: `postgres://nobody@127.0.0.1:${await freePort()}/none`,
    PORT: 'no number',
  });
  onTestFinished(workplace.remove);
  const [all, one, version] = await Promise.all([
    workplace.run('--help'),
    workplace.run('report', 'costs', '--help'),
    workplace.run('--version'),
  ]);
  expect(all).toMatchObject({ exitCode: 0, stderr: '' });
  for (const name of COMMANDS) expect(all.stdout).toContain(`\n  ${name.split(' ')[0]} `);
  expect(one).toMatchObject({ exitCode: 0, stderr: '' });
  expect(one.stdout).toContain('$ outturn report costs --period 2026-09 --by pod,serviceName');
  expect(version).toMatchObject({ exitCode: 0, stderr: '' });
  expect(version.stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
});
