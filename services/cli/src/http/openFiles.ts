/** How many files, sockets among them, this process may have open, and what share of them outsiders can take. */

/** Of the files that may be open, the share that connections may take; the ledger needs the rest for itself. */
const CONNECTIONS_SHARE = 1 / 2;
/** And the share of files that are being sent. */
const DOWNLOADS_SHARE = 1 / 8;

let known: number | undefined;

/** The limit as it was when it was first asked for; Infinity where nothing says. */
export function openFilesMax(): number {
  // A report takes 40 ms, and the limit of a process does not change.
  return (known ??= readOpenFilesMax());
}

/** Connections that may be open at once. */
export function connectionsMax(wanted: number): number {
  return Math.min(wanted, Math.floor(openFilesMax() * CONNECTIONS_SHARE));
}

/** Files of targets that may be sent at once. */
export function downloadsMax(): number {
  return Math.floor(openFilesMax() * DOWNLOADS_SHARE);
}

function readOpenFilesMax(): number {
  const { userLimits } = process.report.getReport() as {
    userLimits?: { readonly open_files?: { readonly soft: number | 'unlimited' } };
  };
  const soft = userLimits?.open_files?.soft;
  return typeof soft === 'number' ? soft : Number.POSITIVE_INFINITY;
}
