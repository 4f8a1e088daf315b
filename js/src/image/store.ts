/**
 * Images in the browser's storage (IndexedDB), so that a later visit finds them. What is kept has a bound in bytes: the image that
 * was used longest ago goes first.
 */

import type { StoredImage } from '../wire/image.js'
import { IMAGE_FORMAT } from '../wire/image.js'

const DATABASE = 'millhand-images'
const ENTRIES = 'entries'
const IMAGES = 'images'
/** Of all images of an origin. */
export const MAX_BYTES = 256 * 1024 * 1024

/** What is known of an image without reading it. */
interface Entry {
  key: string
  /** What was asked for. */
  request: string
  usedAt_ms: number
  bytes: number
}

export class ImageStore {
  readonly #database: IDBDatabase

  private constructor(database: IDBDatabase) {
    this.#database = database
  }

  /** @throws DOMException where the browser gives no storage. */
  static async open(): Promise<ImageStore> {
    const opening = indexedDB.open(DATABASE, IMAGE_FORMAT)
    opening.onupgradeneeded = () => {
      const { result: database } = opening
      // What is there is of an older format.
      for (const name of database.objectStoreNames) database.deleteObjectStore(name)
      database.createObjectStore(ENTRIES, { keyPath: 'key' })
      database.createObjectStore(IMAGES)
    }
    const database = await resultOf(opening)
    // Another page wants a newer format: it is not kept waiting.
    database.onversionchange = () => database.close()
    return new ImageStore(database)
  }

  /** The image of that key, which counts as used now. */
  async take(key: string): Promise<StoredImage | null> {
    const { entries, images } = this.#stores()
    const [entry, image] = await Promise.all([
      resultOf<Entry | undefined>(entries.get(key)),
      resultOf<StoredImage | undefined>(images.get(key)),
    ])
    if (!entry || !image) return null
    entries.put({ ...entry, usedAt_ms: Date.now() })
    return image
  }

  /**
   * Keeps an image, in the place of others for the same request and of those that were used longest ago.
   * @throws Error for one that is too large; DOMException if the browser has no room for it.
   */
  async put({ key, request }: Pick<Entry, 'key' | 'request'>, image: StoredImage): Promise<void> {
    const bytes = bytesOf(image)
    if (bytes > MAX_BYTES) throw new Error(`it has ${bytes} bytes, and ${MAX_BYTES} are kept at most`)
    const { entries, images, transaction } = this.#stores()
    for (const { key } of displaced(await resultOf<Entry[]>(entries.getAll()), request, MAX_BYTES - bytes)) {
      entries.delete(key)
      images.delete(key)
    }
    entries.put({ key, request, bytes, usedAt_ms: Date.now() })
    images.put(image, key)
    await completionOf(transaction)
  }

  async delete(key: string): Promise<void> {
    const { entries, images, transaction } = this.#stores()
    entries.delete(key)
    images.delete(key)
    await completionOf(transaction)
  }

  close(): void {
    this.#database.close()
  }

  #stores(): { entries: IDBObjectStore; images: IDBObjectStore; transaction: IDBTransaction } {
    const transaction = this.#database.transaction([ENTRIES, IMAGES], 'readwrite', { durability: 'relaxed' })
    return { entries: transaction.objectStore(ENTRIES), images: transaction.objectStore(IMAGES), transaction }
  }
}

/** Those that have to go so that the others have no more than `room` bytes. */
function displaced(entries: Entry[], request: string, room: number): Entry[] {
  const newestFirst = [...entries].sort((a, b) => b.usedAt_ms - a.usedAt_ms)
  let kept = 0
  return newestFirst.filter((entry) => {
    if (entry.request === request || kept + entry.bytes > room) return true
    kept += entry.bytes
    return false
  })
}

export function bytesOf({ libraries, files, memory, stdlib }: StoredImage): number {
  const blobs = [...libraries.map(({ content }) => content), files.content, memory, stdlib]
  return blobs.reduce((sum, blob) => sum + (blob?.size ?? 0), 0)
}

function resultOf<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result)
    request.onerror = () => reject(request.error)
    if (request instanceof IDBOpenDBRequest) request.onblocked = () => reject(new Error('another page holds an older store'))
  })
}

function completionOf(transaction: IDBTransaction): Promise<void> {
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve()
    transaction.onabort = () => reject(transaction.error)
  })
}
