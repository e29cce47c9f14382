/**
 * The OpenAPI document, made from the routes' own schemas, and a page to browse it. What every route has in common (the token,
 * its roles, its refusals) is added here once.
 */
import fastifySwagger from '@fastify/swagger';
import fastifySwaggerUi from '@fastify/swagger-ui';
import type { FastifySchema, RouteOptions } from 'fastify';
import { API_PREFIX } from './authorisation.ts';
import { MARK, WORDMARK } from './brand.ts';
import type { ApiApp } from './context.ts';
import { Problem, problemResponse } from './schemas/common.ts';

const SECURITY_SCHEME = 'token';

/** Call it before any route is added; resolves when the routes may be added. */
export async function describeApi(app: ApiApp, version: string): Promise<void> {
  app.addSchema(Problem);
  app.addHook('onRoute', completeSchema);
  await app.register(fastifySwagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Outturn',
        version,
        description:
          'What each delivery pod’s cloud spend returned. Money is exact decimal text, dates are YYYY-MM-DD, instants RFC 3339 in UTC. Errors are RFC 9457 problem documents with a stable code.',
        license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
      },
      servers: [{ url: '/' }],
      tags: TAGS,
      components: {
        securitySchemes: {
          [SECURITY_SCHEME]: { type: 'http', scheme: 'bearer', description: 'From "outturn tokens create".' },
        },
      },
    },
    refResolver: { buildLocalReference: ({ $id: name }) => (typeof name === 'string' ? name : 'Unnamed') },
  });
  await app.register(fastifySwaggerUi, {
    routePrefix: '/api/docs',
    staticCSP: true,
    logo: { type: 'image/svg+xml', content: WORDMARK, href: '/api/docs', target: '_self' },
    theme: {
      title: 'Outturn API',
      favicon: [{ filename: 'mark.svg', rel: 'icon', sizes: 'any', type: 'image/svg+xml', content: MARK }],
    },
  });
  app.get('/api/openapi.json', { schema: { hide: true } }, () => app.swagger());
}

const TAGS = [
  { name: 'reports', description: 'Value per pod, costs, reconciliation' },
  { name: 'envelopes', description: 'Approved money and what was said about it' },
  { name: 'inbox', description: 'What waits for somebody, and slow drift' },
  { name: 'statements', description: 'Closed periods: prepared by one person, approved by another, chained' },
  { name: 'bills', description: 'Loads, and the lines behind a figure' },
  { name: 'sources', description: 'Where bills come from, how each look went, and what one lacks' },
  { name: 'invoices', description: 'What the providers asked to be paid' },
  { name: 'journals', description: 'The cost of a month as balanced lines for the ledger' },
  { name: 'outcomes', description: 'What the pods delivered' },
  { name: 'events', description: 'What the tools of the pods tell: tickets, deployments, incidents' },
  { name: 'notes', description: 'What people say of periods, pods and figures, signed' },
  { name: 'metrics', description: 'What the pods used, which splits go by' },
  { name: 'organisation', description: 'Pods and the audit trail' },
  { name: 'operation', description: 'For probes and monitoring, without a token' },
];

function completeSchema(route: RouteOptions): void {
  const schema: FastifySchema = route.schema ?? {};
  if (schema.hide === true || route.url.startsWith('/api/docs')) return;
  const roles = route.config?.roles;
  const refusals = {
    '4xx': problemResponse('Refused'),
    '5xx': problemResponse('Failed; try again or ask the operator'),
  };
  const described = typeof schema.response === 'object' && schema.response !== null ? schema.response : {};
  if (!route.url.startsWith(`${API_PREFIX}/`) || roles === undefined) {
    route.schema = { ...schema, response: { ...described, ...refusals } };
    return;
  }
  route.schema = {
    ...schema,
    description: [schema.description, `Roles: ${roles.join(', ')}.`].filter((text) => text !== undefined).join('\n\n'),
    security: [{ [SECURITY_SCHEME]: [] }],
    response: {
      ...described,
      400: problemResponse('The request was not understood'),
      401: problemResponse('No token, or one that is unknown, expired or revoked'),
      403: problemResponse('The token’s role may not do this'),
      ...refusals,
    },
  };
}
