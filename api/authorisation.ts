/**
 * Who may call what. Every route under /api/v1 declares its roles; one hook authenticates the bearer token and compares, before
 * any body is read. An undeclared route does not start. Tokens are looked up on every request, so that revoking works at once.
 */
import type { FastifyRequest, RouteOptions } from 'fastify';
import { authenticate, type TokenRole } from '../services/access/tokens.ts';
import { AppError } from '../services/kernel/errors.ts';
import type { Principal } from '../services/kernel/ports.ts';
import type { ApiApp, ApiContext } from './context.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Who may call it; every route under /api/v1 has them, nothing else does. */
    roles?: readonly TokenRole[];
    /** Called by a service that signs its requests; the route itself checks that. With roles: a token serves as well. */
    isSigned?: true;
  }
  interface FastifyRequest {
    principal: Principal | null;
    /** The counter of the figures when the caller was recognised; empty where no token is asked for. */
    figuresVersion: string;
  }
}

export const API_PREFIX = '/api/v1';

/** Everybody who reads the whole organisation. */
export const WHOLE_READERS = ['finance', 'cio', 'operator', 'reader'] as const satisfies readonly TokenRole[];
/** And pods, each within its own. */
export const READERS = [...WHOLE_READERS, 'pod'] as const satisfies readonly TokenRole[];

/** Installs the hooks; call it before any route is added. */
export function requireRoles(app: ApiApp, context: Pick<ApiContext, 'db' | 'clock'>): void {
  app.decorateRequest('principal', null);
  app.decorateRequest('figuresVersion', '');
  app.addHook('onRoute', assertRolesDeclared);
  app.addHook('onRequest', async (request) => {
    const { roles, isSigned } = request.routeOptions.config;
    if (roles === undefined) return;
    // Instead of a token: the route asks whose signature it is.
    if (isSigned === true && request.headers['webhook-signature'] !== undefined) return;
    const caller = await authenticate(context.db, bearerToken(request), context.clock.now());
    const { principal } = caller;
    if (!roles.some((role) => role === principal.role)) {
      throw new AppError(
        'forbidden',
        `A token of role ${principal.role} may not call ${request.method} ${request.routeOptions.url ?? request.url}; it takes ${roles.join(', ')}.`,
      );
    }
    request.principal = principal;
    request.figuresVersion = caller.figuresVersion;
  });
}

/** The caller. Only routes that declared roles have one. */
export function principalOf(request: FastifyRequest): Principal {
  if (request.principal === null) throw new Error(`${request.url} asks for a principal but declares no roles`);
  return request.principal;
}

function assertRolesDeclared(route: RouteOptions): void {
  const isInside = route.url === API_PREFIX || route.url.startsWith(`${API_PREFIX}/`);
  const roles = route.config?.roles;
  if (isInside && route.config?.isSigned === true && roles === undefined) return;
  if (isInside && (roles === undefined || roles.length === 0)) {
    throw new Error(`${String(route.method)} ${route.url} does not declare who may call it: add config.roles`);
  }
  if (!isInside && roles !== undefined) {
    throw new Error(`${route.url} declares roles but stands outside ${API_PREFIX}, where no token is asked for`);
  }
}

function bearerToken(request: FastifyRequest): string {
  const match = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? '');
  if (match?.[1] === undefined) {
    throw new AppError(
      'unauthenticated',
      'This needs a token: send "Authorization: Bearer …". Create one with "outturn tokens create --principal you@example.com --role reader".',
    );
  }
  return match[1];
}
