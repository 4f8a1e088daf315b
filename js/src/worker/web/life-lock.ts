/**
 * A Web Lock that this worker holds as long as it lives. The page asks for the same lock, and gets it at the moment
 * of this worker's death, whatever it died of.
 */

/** The lock's name, once held; `null` where the platform has no locks (a page that is no secure context). */
export async function holdLifeLock(): Promise<string | null> {
  if (!('locks' in navigator)) return null
  const name = `millhand-worker-${crypto.randomUUID()}`
  const forever = new Promise<never>(() => undefined)
  return new Promise((resolve) => {
    navigator.locks
      .request(name, () => {
        resolve(name)
        return forever
      })
      // Refused, as in a frame without storage: it is as if there were none.
      .catch(() => resolve(null))
  })
}
