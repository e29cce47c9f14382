/**
 * Listening. Nobody is served beyond this machine before somebody made a token: an installation must not be open by accident.
 */
import type { AddressInfo } from 'node:net';
import type { Kysely } from 'kysely';
import { errorCodeOf } from '../db/sql-state.ts';
import type { DB } from '../db/schema.gen.ts';
import { hasLiveToken } from '../services/access/tokens.ts';
import { AppError } from '../services/kernel/errors.ts';
import type { Clock } from '../services/kernel/ports.ts';
import { isLoopback } from '../services/kernel/settings.ts';
import type { ApiApp } from './context.ts';

export interface ListenOptions {
  readonly db: Kysely<DB>;
  readonly clock: Clock;
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
}

export interface ListeningServer {
  /** `http://127.0.0.1:4680` */
  readonly url: string;
  readonly host: string;
  readonly port: number;
}

/**
 * Listens and says where. `app.close()` stops it: it takes no further request and waits for the running ones.
 * @throws AppError not_loopback_without_token, port_in_use, or invalid_setting for an address that cannot be listened on.
 */
export async function listen(app: ApiApp, options: ListenOptions): Promise<ListeningServer> {
  const { host, port } = options;
  if (!isLoopback(host) && !(await hasLiveToken(options.db, options.clock.now()))) {
    throw new AppError(
      'not_loopback_without_token',
      `HOST is ${host}, which other machines reach, and no token is valid. Create one first: outturn tokens create --principal you@example.com --role operator. Or set HOST=127.0.0.1.`,
    );
  }
  const bare = host.replace(/^\[(.*)\]$/, '$1');
  try {
    await app.listen({ host: bare, port });
  } catch (cause) {
    throw describeListenFailure(cause, host, port);
  }
  const bound = app.server.address() as AddressInfo;
  return { url: `http://${bare.includes(':') ? `[${bare}]` : bare}:${bound.port}`, host, port: bound.port };
}

function describeListenFailure(cause: unknown, host: string, port: number): unknown {
  switch (errorCodeOf(cause)) {
    case 'EADDRINUSE':
      return new AppError(
        'port_in_use',
        `Port ${port} on ${host} is taken by another program. Stop it, or choose another: PORT=${port + 1} (PORT=0 takes any free one).`,
        { cause },
      );
    case 'EACCES':
      return new AppError(
        'invalid_setting',
        `This user may not listen on port ${port}. Set PORT to one from 1024 upwards.`,
        { cause },
      );
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return new AppError(
        'invalid_setting',
        `HOST is ${host}, which is no address of this machine. Set HOST=127.0.0.1, or HOST=0.0.0.0 for all of its addresses.`,
        { cause },
      );
    default:
      return cause;
  }
}
