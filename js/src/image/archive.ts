/** Reads zip archives: wheels are such. No encryption, no archives of more than 4 GB. */

const END_OF_DIRECTORY = 0x06054b50
const DIRECTORY_ENTRY = 0x02014b50
const END_BYTES = 22
const MAX_COMMENT_BYTES = 0xffff
const ENTRY_BYTES = 46
const LOCAL_BYTES = 30
const STORED = 0
const DEFLATED = 8

export interface ArchiveFile {
  /** Relative, with `/`. */
  path: string
  content: () => Promise<Uint8Array<ArrayBuffer>>
}

/** The files of an archive, in its order; folders are left out. */
export function filesOf(archive: ArrayBuffer): ArchiveFile[] {
  const view = new DataView(archive)
  const end = endOfDirectory(view)
  const files: ArchiveFile[] = []
  let at = view.getUint32(end + 16, true)
  for (let left = view.getUint16(end + 10, true); left > 0; left -= 1) {
    if (view.getUint32(at, true) !== DIRECTORY_ENTRY) throw new Error('its directory is damaged')
    const nameBytes = view.getUint16(at + 28, true)
    const path = new TextDecoder().decode(new Uint8Array(archive, at + ENTRY_BYTES, nameBytes))
    const entry = { method: view.getUint16(at + 10, true), size: view.getUint32(at + 20, true), at: view.getUint32(at + 42, true) }
    if (!path.endsWith('/')) files.push({ path, content: () => contentOf(archive, view, entry) })
    at += ENTRY_BYTES + nameBytes + view.getUint16(at + 30, true) + view.getUint16(at + 32, true)
  }
  return files
}

function endOfDirectory(view: DataView): number {
  const first = Math.max(0, view.byteLength - END_BYTES - MAX_COMMENT_BYTES)
  for (let at = view.byteLength - END_BYTES; at >= first; at -= 1) {
    if (view.getUint32(at, true) === END_OF_DIRECTORY) return at
  }
  throw new Error('it is no zip archive')
}

async function contentOf(
  archive: ArrayBuffer,
  view: DataView,
  { method, size, at }: { method: number; size: number; at: number },
): Promise<Uint8Array<ArrayBuffer>> {
  const start = at + LOCAL_BYTES + view.getUint16(at + 26, true) + view.getUint16(at + 28, true)
  const packed = new Uint8Array(archive, start, size)
  if (method === STORED) return packed
  if (method !== DEFLATED) throw new Error(`it is packed by method ${method}, which is not known`)
  const inflated = new Blob([packed]).stream().pipeThrough(new DecompressionStream('deflate-raw'))
  return new Uint8Array(await new Response(inflated).arrayBuffer())
}
