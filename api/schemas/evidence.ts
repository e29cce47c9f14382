/** Evidence of outcomes over HTTP. */
import { Type } from 'typebox';
import { Id, InstantText, nullable, oneOf } from './common.ts';

export const EvidenceParams = Type.Object({ outcomeId: Id });
export const EvidencePieceParams = Type.Object({ outcomeId: Id, evidenceId: Id });
export const EvidenceFileParams = Type.Object({
  outcomeId: Id,
  sha256: Type.String({ pattern: '^[0-9a-f]{64}$' }),
});

export const EvidenceQuery = Type.Object(
  {
    fileName: Type.Optional(
      Type.String({ minLength: 1, maxLength: 200, description: 'Of a file that is sent: its name, with its ending.' }),
    ),
  },
  { additionalProperties: false },
);

export const EvidenceLinkBody = Type.Object(
  {
    url: Type.String({ minLength: 1, maxLength: 2_000, description: 'The address; kept and shown, never fetched.' }),
    title: Type.Optional(Type.String({ minLength: 1, maxLength: 300 })),
    sha256: Type.Optional(
      Type.String({ pattern: '^[0-9a-f]{64}$', description: 'Of what was found there, where somebody says so.' }),
    ),
    capturedAt: Type.Optional(
      Type.String({ pattern: '^\\d{4}-\\d{2}-\\d{2}T.+Z$', description: 'When it was looked at; now if absent.' }),
    ),
  },
  { additionalProperties: false },
);

export const EvidenceReasonBody = Type.Object(
  { reason: Type.String({ minLength: 1, maxLength: 1_000, description: 'Why it no longer holds, or holds again.' }) },
  { additionalProperties: false },
);

export const RecordedEvidenceView = Type.Object({
  evidenceId: Type.String(),
  change: oneOf(['created', 'unchanged'], 'The same address or content again changes nothing.'),
});

export const TouchedEvidenceView = Type.Object({
  evidence: Type.Array(
    Type.Object({ evidenceId: Type.String(), outcomeId: Type.String(), ownerEmail: Type.String() }),
    { description: 'What changed by this call, and whose outcome it is; empty where it was so already.' },
  ),
});

export const EvidenceViewSchema = Type.Object({
  evidenceId: Type.String(),
  outcomeId: Type.String(),
  kind: oneOf(['link', 'file'], 'What it is.'),
  uri: Type.String({ description: 'Of a file the path under which it is given back.' }),
  title: nullable(Type.String()),
  sha256: nullable(Type.String()),
  mediaType: nullable(Type.String()),
  sizeBytes: nullable(Type.Integer()),
  capturedAt: InstantText,
  addedBy: Type.String(),
  addedAt: InstantText,
  isBroken: Type.Boolean({ description: 'Broken and not mended since: nothing is verified with it.' }),
  brokenAt: nullable(InstantText),
  brokenReason: nullable(Type.String()),
  mendedAt: nullable(InstantText),
  mendedBy: nullable(Type.String()),
});
