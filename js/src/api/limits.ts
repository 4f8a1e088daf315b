/** Bounds of what users may ask for. */

/** The most workers of a pool in one place; the host holds to it too. */
export const MAX_WORKERS = 1_024
/** The longest delay that a page's timer takes, in milliseconds. */
export const MAX_TIMEOUT_MS = 2 ** 31 - 1
