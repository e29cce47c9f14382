/** PostgreSQL's error codes that the product acts on, by the names of PostgreSQL's appendix A. */
export const SQL_STATE = {
  characterNotInRepertoire: '22021',
  untranslatableCharacter: '22P05',
  invalidAuthorization: '28000',
  invalidPassword: '28P01',
  invalidCatalogName: '3D000',
  uniqueViolation: '23505',
  foreignKeyViolation: '23503',
  checkViolation: '23514',
  serializationFailure: '40001',
  deadlockDetected: '40P01',
  undefinedTable: '42P01',
  duplicateDatabase: '42P04',
  insufficientPrivilege: '42501',
  tooManyConnections: '53300',
  lockNotAvailable: '55P03',
  queryCanceled: '57014',
  adminShutdown: '57P01',
  crashShutdown: '57P02',
  cannotConnectNow: '57P03',
} as const;

const CROSSED: ReadonlySet<string | null> = new Set([
  SQL_STATE.deadlockDetected,
  SQL_STATE.lockNotAvailable,
  SQL_STATE.serializationFailure,
]);

/** Whether PostgreSQL gave a transaction up for another's sake: nothing is wrong with what was asked, and nothing of it was done. */
export function hasCrossed(error: unknown): boolean {
  return CROSSED.has(errorCodeOf(error));
}

/** The SQLSTATE of an error thrown by pg, or the system's code (ECONNREFUSED, …) of a failed connection; null for anything else. */
export function errorCodeOf(error: unknown): string | null {
  if (typeof error !== 'object' || error === null || !('code' in error)) return null;
  return typeof error.code === 'string' ? error.code : null;
}
