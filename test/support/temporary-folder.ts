/** Where tests keep what they make: databases, bills, archives. All of it is gone within seconds. */
import { accessSync, constants, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';

const MEMORY = '/dev/shm';
const ROOM_BYTES_MIN = 4 * 1024 ** 3;

/**
 * The folder of files in memory where there is one with room, else the system's temporary folder. A new database is 750 files, and ext4
 * looks long for a place where it has just removed as many: to make and drop one takes 170 ms of processor time there, 26 in memory.
 */
export function chooseTemporaryFolder(): string {
  try {
    accessSync(MEMORY, constants.W_OK);
    const { bavail, bsize } = statfsSync(MEMORY);
    return bavail * bsize >= ROOM_BYTES_MIN ? MEMORY : tmpdir();
  } catch {
    return tmpdir();
  }
}
