/**
 * Room for uploaded files: altogether they hold no more than the organisation allows, and no name adds more in a day than it allows. What is
 * kept already, by its hash, costs nothing. Asked under the lock of those who write outcomes, so that two never share the last of it.
 */
import { sql, type Transaction } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { AppError } from '../kernel/errors.ts';
import { utcDate } from '../kernel/period.ts';
import { lockOutcomes } from '../outcomes/lock-outcomes.ts';

interface Room {
  readonly isKept: boolean;
  readonly used: number;
  readonly usedMax: number;
  /** Of this name, on this day in UTC. */
  readonly usedToday: number;
  readonly usedTodayMax: number;
}

/**
 * Locks the writing of outcomes and makes sure that the file may be stored.
 * @returns whether its content is kept already.
 * @throws AppError conflict with what is used, the limit, and what to do.
 */
export async function keepRoom(
  trx: Transaction<DB>,
  file: {
    readonly fileName: string;
    readonly sha256: string;
    readonly sizeBytes: number;
    readonly storedBy: string;
    readonly at: Date;
  },
): Promise<boolean> {
  await lockOutcomes(trx);
  const room = await readRoom(trx, file);
  if (room.isKept) return true;
  const { fileName, sizeBytes, storedBy, at } = file;
  const refuse = (holder: string, used: number, max: number, fix: string): never => {
    const message = `The file ${fileName} of ${sizeBytes} bytes is not kept: ${holder} ${used} of at most ${max} bytes. ${fix}`;
    throw new AppError('conflict', message, { details: { used, max, sizeBytes } });
  };
  if (room.used + sizeBytes > room.usedMax) {
    const fix = 'Keep it where it is and give its address, or have evidence.bytesMax of the organisation file raised.';
    refuse('uploaded evidence holds', room.used, room.usedMax, fix);
  }
  if (room.usedToday + sizeBytes > room.usedTodayMax) {
    const fix =
      'Send it tomorrow (UTC), give its address, or have evidence.bytesPerDayMax of the organisation file raised.';
    refuse(`on ${utcDate(at)} ${storedBy} stored`, room.usedToday, room.usedTodayMax, fix);
  }
  return false;
}

/** By evidence_file_size_idx alone, and the primary key. */
async function readRoom(trx: Transaction<DB>, { sha256, storedBy, at }: Parameters<typeof keepRoom>[1]): Promise<Room> {
  const { rows } = await sql<Room>`
    select exists (select from evidence_file where sha256 = ${sha256}) as "isKept",
      used::float8 as used, evidence_bytes_max::float8 as "usedMax",
      used_today::float8 as "usedToday", evidence_bytes_per_day_max::float8 as "usedTodayMax"
    from organisation cross join (
      select coalesce(sum(size_bytes), 0) as used,
        coalesce(sum(size_bytes) filter (where stored_by = ${storedBy} and (stored_at at time zone 'UTC')::date = ${utcDate(at)}::date), 0) as used_today
      from evidence_file
    ) as stored`.execute(trx);
  const [room] = rows;
  if (room === undefined) throw new Error('no organisation');
  return room;
}
