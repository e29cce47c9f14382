/**
 * What an uploaded file is: its name and its first bytes must say the same, and only types that nobody executes are taken. It is looked at
 * as bytes and never parsed, unpacked or rendered; so nothing in it can do anything here.
 */
import { unzipSync } from 'fflate';
import { AppError } from '../kernel/errors.ts';
import { listWords } from '../organisation/suggestion.ts';

/** Also the size that the table takes at most. */
export const EVIDENCE_BYTES_MAX = 10 * 1_048_576;
const NAME_LENGTH_MAX = 200;

interface FileType {
  readonly mediaType: string;
  readonly extensions: readonly string[];
  readonly fits: (bytes: Buffer) => boolean;
}

const OFFICE = 'application/vnd.openxmlformats-officedocument';
const FILE_TYPES: readonly FileType[] = [
  { mediaType: 'application/pdf', extensions: ['pdf'], fits: startsWith('%PDF-') },
  { mediaType: 'image/png', extensions: ['png'], fits: startsWith('\x89PNG\r\n\x1a\n') },
  { mediaType: 'image/jpeg', extensions: ['jpg', 'jpeg'], fits: startsWith('\xff\xd8\xff') },
  {
    mediaType: 'image/webp',
    extensions: ['webp'],
    fits: (bytes) => startsWith('RIFF')(bytes) && bytes.subarray(8, 12).toString('latin1') === 'WEBP',
  },
  { mediaType: `${OFFICE}.spreadsheetml.sheet`, extensions: ['xlsx'], fits: isOfficePackage('xl/workbook.xml') },
  {
    mediaType: `${OFFICE}.wordprocessingml.document`,
    extensions: ['docx'],
    fits: isOfficePackage('word/document.xml'),
  },
  {
    mediaType: `${OFFICE}.presentationml.presentation`,
    extensions: ['pptx'],
    fits: isOfficePackage('ppt/presentation.xml'),
  },
  { mediaType: 'text/csv', extensions: ['csv'], fits: isPlainText },
  { mediaType: 'text/plain', extensions: ['txt', 'log', 'md'], fits: isPlainText },
  { mediaType: 'application/json', extensions: ['json'], fits: isPlainText },
];

/**
 * The media type of a file that may be kept.
 * @throws AppError invalid_input for a name or size that is not taken, or a content that is not what the name says.
 */
export function recogniseFile(fileName: string, bytes: Buffer): { mediaType: string } {
  checkName(fileName);
  if (bytes.length === 0) throw new AppError('invalid_input', `The file ${fileName} is empty.`);
  if (bytes.length > EVIDENCE_BYTES_MAX) {
    const message = `The file ${fileName} has ${bytes.length} bytes, more than the ${EVIDENCE_BYTES_MAX} that are kept. Keep it where it is and give its address instead.`;
    throw new AppError('invalid_input', message);
  }
  const extension = /\.([A-Za-z0-9]+)$/.exec(fileName)?.[1]?.toLowerCase() ?? '';
  const named = FILE_TYPES.find((type) => type.extensions.includes(extension));
  if (named === undefined) {
    const known = listWords(FILE_TYPES.flatMap((type) => type.extensions.map((one) => `.${one}`)));
    const message = `A file named ${fileName} is not kept as evidence: its name must end in ${known}. Save it as one of these, or give its address.`;
    throw new AppError('invalid_input', message);
  }
  if (!named.fits(bytes)) {
    const message = `The content of ${fileName} is not ${named.mediaType}, as its name says. Give the file the name of what it is.`;
    throw new AppError('invalid_input', message);
  }
  return { mediaType: named.mediaType };
}

/** A name goes into a header and onto somebody's disk: no folders, no control characters, nothing that turns the text around. */
function checkName(fileName: string): void {
  const isPlain = !/[\p{Cc}\p{Cf}\p{Cs}/\\:*?"<>|]/u.test(fileName) && !/^[.\s]|[.\s]$/.test(fileName);
  if (isPlain && fileName.length >= 1 && fileName.length <= NAME_LENGTH_MAX) return;
  const message = `${JSON.stringify(fileName)} cannot be the name of a file: give 1 to ${NAME_LENGTH_MAX} characters without folders or signs such as : * ? " < > |.`;
  throw new AppError('invalid_input', message);
}

function startsWith(mark: string): (bytes: Buffer) => boolean {
  return (bytes) => bytes.subarray(0, mark.length).toString('latin1') === mark;
}

/** By the archive's own list of its parts, of which none is unpacked: another archive with the right ending is told from it, and so is a text of names. */
function isOfficePackage(mainPart: string): (bytes: Buffer) => boolean {
  return (bytes) => {
    const parts = new Set<string>();
    const list = ({ name }: { name: string }) => {
      parts.add(name);
      return false;
    };
    try {
      unzipSync(bytes, { filter: list });
    } catch {
      return false;
    }
    return (
      parts.has('[Content_Types].xml') &&
      parts.has(mainPart) &&
      ![...parts].some((part) => part.endsWith('vbaProject.bin'))
    );
  };
}

/** UTF-8 without control signs, that no program takes for a page or a script. */
function isPlainText(bytes: Buffer): boolean {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return false;
  }
  return !/(?![\t\n\v\f\r])\p{Cc}/u.test(text) && !/^\s*(?:#!|<[!?a-z])/i.test(text);
}
