/** outturn tokens: creates, lists and revokes API tokens. A token is printed once, at its creation. */
import { type Command, InvalidArgumentError } from 'commander';
import { createToken, listTokens, revokeToken, TOKEN_ROLES, type TokenRole } from '../../services/access/tokens.ts';
import { localOperator } from '../../services/kernel/ports.ts';
import { addDays, isIsoDate, utcDate } from '../../services/kernel/period.ts';
import { withExamples, withJson } from '../command.ts';
import { printJson, printText } from '../output.ts';
import { textTable } from '../render/text-table.ts';
import { withRuntime } from '../runtime.ts';

const LIFETIME_DAYS_DEFAULT = 90;

interface CreateOptions {
  readonly principal: string;
  readonly role: TokenRole;
  readonly pod: readonly string[];
  readonly expires?: string;
  readonly json?: boolean;
}

export function tokensCommand(program: Command): void {
  const tokens = program.command('tokens').description('API tokens: shown once, stored hashed, always expiring');

  const create = tokens
    .command('create')
    .description('create a token and print it once')
    .requiredOption('--principal <email>', 'who will use it')
    .requiredOption('--role <role>', `one of ${TOKEN_ROLES.join(', ')}`, readRole)
    .option('--pod <id>', 'for role pod: a pod it may see; repeat for several', collect, [])
    .option(
      '--expires <date>',
      `its last day is the one before this (default: ${LIFETIME_DAYS_DEFAULT} days from now)`,
      readDate,
    )
    .action(async (options: CreateOptions) => {
      await withRuntime({ applicationName: 'outturn tokens' }, async (runtime) => {
        const now = runtime.clock.now();
        const expiresOn = options.expires ?? addDays(utcDate(now), LIFETIME_DAYS_DEFAULT);
        const request = {
          principal: options.principal,
          role: options.role,
          pods: options.pod,
          expiresAt: new Date(`${expiresOn}T00:00:00Z`),
        };
        const created = await runtime.db.transaction().execute((trx) => createToken(trx, request, localOperator, now));
        if (options.json === true) printJson({ ...created, expiresAt: request.expiresAt.toISOString() });
        else
          printText(
            `${created.token}\n\nToken ${created.tokenId} for ${options.principal} (${options.role}) expires on ${expiresOn}. It is not shown again.`,
          );
      });
    });
  withExamples(
    withJson(create),
    'outturn tokens create --principal grace@acme.com --role finance',
    'outturn tokens create --principal ada@acme.com --role pod --pod checkout --expires 2027-01-01',
  );

  const list = tokens
    .command('list')
    .description('list the tokens, newest first')
    .action(async (options: { json?: boolean }) => {
      await withRuntime({ applicationName: 'outturn tokens' }, async (runtime) => {
        const rows = await listTokens(runtime.db, runtime.clock.now());
        if (options.json === true) printJson({ tokens: rows });
        else if (rows.length === 0)
          printText(
            'There are no tokens yet. Create one: outturn tokens create --principal you@example.com --role reader',
          );
        else
          printText(
            textTable(
              ['id', 'principal', 'role', 'pods', 'expires', 'state'],
              rows.map((row) => [
                row.tokenId,
                row.principal,
                row.role,
                row.pods.join(' '),
                row.expiresAt.slice(0, 10),
                row.state,
              ]),
            ),
          );
      });
    });
  withExamples(withJson(list), 'outturn tokens list');

  const revoke = tokens
    .command('revoke')
    .description('revoke a token at once')
    .argument('<id>', 'the token’s id, as listed')
    .action(async (id: string, options: { json?: boolean }) => {
      await withRuntime({ applicationName: 'outturn tokens' }, async (runtime) => {
        await runtime.db.transaction().execute((trx) => revokeToken(trx, id, localOperator, runtime.clock.now()));
        if (options.json === true) printJson({ tokenId: id, state: 'revoked' });
        else printText(`Token ${id} is revoked.`);
      });
    });
  withExamples(withJson(revoke), 'outturn tokens revoke 3f9a1c7be204');
}

function readRole(value: string): TokenRole {
  const role = TOKEN_ROLES.find((known) => known === value);
  if (role === undefined) throw new InvalidArgumentError(`Use one of ${TOKEN_ROLES.join(', ')}.`);
  return role;
}

function readDate(value: string): string {
  if (!isIsoDate(value)) throw new InvalidArgumentError('Write a date as 2027-01-31.');
  return value;
}

function collect(value: string, former: readonly string[]): string[] {
  return [...former, value];
}
