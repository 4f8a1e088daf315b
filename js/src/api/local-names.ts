/** Names by which a function needs what only local workers have. */

import { namesOf } from './free-names.js'

/** What workers of browsers have, and a process of Node (20) has not. */
const BROWSER_ONLY = new Set(
  (
    'AudioDecoder AudioEncoder cancelAnimationFrame caches close createImageBitmap crossOriginIsolated DedicatedWorkerGlobalScope ' +
    'DOMMatrix DOMPoint DOMRect EventSource FileReader FileReaderSync FileSystemSyncAccessHandle FontFace IDBKeyRange ImageBitmap ' +
    'ImageBitmapRenderingContext ImageData ImageDecoder importScripts indexedDB isSecureContext location navigator Notification ' +
    'OffscreenCanvas onmessage origin Path2D postMessage reportError requestAnimationFrame self SharedWorker VideoDecoder ' +
    'VideoEncoder VideoFrame WebGL2RenderingContext WebGLRenderingContext WebSocket Worker WorkerGlobalScope WorkerLocation ' +
    'WorkerNavigator XMLHttpRequest'
  ).split(' '),
)

/** The names that a pool gives its workers. */
export interface GivenNames {
  /** To local ones alone. */
  local: readonly string[]
  /** To all. */
  everywhere: readonly string[]
}

/** The first name in a source that remote workers have not, and local ones have. */
export function localNameIn(source: string, { local, everywhere }: GivenNames): string | undefined {
  const given = local.find((name) => mentions(source, name))
  if (given !== undefined) return given
  const free = [...(namesOf(source)?.free ?? [])]
  return free.find((name) => BROWSER_ONLY.has(name) && !everywhere.includes(name))
}

/** Whether a name stands in a source, be it in a comment. */
function mentions(source: string, name: string): boolean {
  const at = source.indexOf(name)
  if (at === -1) return false
  const isPart = (char: string | undefined): boolean => char !== undefined && /[\p{ID_Continue}$]/u.test(char)
  return (!isPart(source[at - 1]) && !isPart(source[at + name.length])) || mentions(source.slice(at + name.length), name)
}
