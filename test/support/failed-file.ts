/** Whether a test of the file that runs now has failed: its databases are then kept, where the server is. */
export const currentFile = { hasFailed: false };
