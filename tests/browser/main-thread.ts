/** What a page's main thread did, by the browser's tracer. */

import type { Browser, Page } from '@playwright/test'

interface TraceEvent {
  name: string
  ph: string
  pid: number
  tid: number
  /** Microseconds of the thread's own time, in which it did not wait for a processor. */
  tdur?: number
  args?: { name?: string }
}

/**
 * Traces main threads while `act` runs. Gives how long each of their tasks of a name took (also `….::name`), in milliseconds of
 * processor time: what else the machine does is not in it.
 */
export async function traceMainThread(
  { browser, page, categories }: { browser: Browser; page: Page; categories: string[] },
  act: () => Promise<void>,
): Promise<(name: string) => number[]> {
  await browser.startTracing(page, { categories })
  await act()
  const { traceEvents } = JSON.parse((await browser.stopTracing()).toString()) as { traceEvents: TraceEvent[] }
  const main = traceEvents.filter(({ name, args }) => name === 'thread_name' && args?.name === 'CrRendererMain')
  const ofMain = traceEvents.filter(({ ph, pid, tid }) => ph === 'X' && main.some((thread) => thread.pid === pid && thread.tid === tid))
  return (wanted) =>
    ofMain.flatMap(({ name, tdur }) => (tdur !== undefined && (name === wanted || name.endsWith(`::${wanted}`)) ? tdur / 1_000 : []))
}
