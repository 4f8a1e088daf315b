import { createHash } from 'node:crypto'
import type { CdnEvent } from 'millhand'
import type { Page } from '@playwright/test'
import { expect, serveDistribution, test, withoutIsolation } from '../fixtures.js'
import { FOUR_DRAWS, numpy, runOnEach } from '../python-pools.js'

test('the first worker does not wait for the image, a later visit finds it', async ({ page }) => {
  const first = await runOnEach(page, numpy(1), 'import numpy; int(numpy.arange(4).sum())', 'kept')
  expect(first).toEqual({ values: [6], starts: ['files'], reasons: [], steps: ['ImageBuilding', 'ImageBuilt'] })
  await page.reload()
  const later = await runOnEach(page, numpy(2), 'import numpy; int(numpy.arange(4).sum())')
  expect(later).toEqual({ values: [6, 6], starts: ['image', 'image'], reasons: [], steps: ['ImageFound'] })
})

test('workers that start when the first one is up boot from the image', async ({ page }) => {
  const starts = await page.evaluate(async () => {
    const { WorkersPool } = await import('millhand')
    const starts: string[] = []
    const cdnEvent$ = { next: (event: CdnEvent) => void (event.step === 'PythonStarting' && starts.push(event.from)) }
    const pool = new WorkersPool({ install: { pyodide: ['numpy'] }, pool: { startAt: 1, stretchTo: 3 }, cdnEvent$ })
    await pool.ready()
    await pool.reserve({ workersCount: 3 })
    return starts
  })
  expect(starts).toEqual(['files', 'image', 'image'])
})

test('more workers than the machine has cores wait for the image, all of them', async ({ page }) => {
  const cores = await page.evaluate(() => navigator.hardwareConcurrency)
  test.skip(cores > 4, 'so many Python workers do not fit')
  const { starts } = await runOnEach(page, numpy(cores + 1))
  expect(starts).toEqual(Array(cores + 1).fill('image'))
})

test('workers from one image draw different random numbers, and have the same hash seed', async ({ page }) => {
  const { values, starts } = await runOnEach(page, numpy(4, { image: 'wait' }), `${FOUR_DRAWS} + [hash("text")]`)
  expect(starts).toEqual(Array(4).fill('image'))
  const draws = values as unknown[][]
  expect(draws[0]).toHaveLength(6)
  for (const kind of [0, 1, 2, 3, 4]) expect(new Set(draws.map((draw) => draw[kind])).size).toBe(4)
  expect(new Set(draws.map((draw) => draw[5])).size).toBe(1)
  const without = await runOnEach(page, numpy(2, { image: false }), 'hash("text")')
  expect(without.starts).toEqual(['files', 'files'])
  expect(new Set(without.values).size).toBe(2)
})

test('a page that shares no memory has images too', async ({ page }) => {
  await withoutIsolation(page)
  expect(await page.evaluate(() => crossOriginIsolated)).toBe(false)
  const { values, starts } = await runOnEach(page, numpy(2, { image: 'wait' }), FOUR_DRAWS)
  expect(starts).toEqual(['image', 'image'])
  expect(new Set(values.flat()).size).toBe(10)
})

test('what NumPy, the standard library and JavaScript do together is as without an image', async ({ page }) => {
  const source = `
import numpy as np, traceback, warnings, asyncio, xml.dom.minidom, statistics, http.client, numpy.testing
from js import JSON, Object
from pyodide.ffi import to_js, run_sync
a = np.random.RandomState(0).rand(50, 50)
u, s, v = np.linalg.svd(a)
def failing(): return np.concatenate([np.ones((2, 2)), np.ones(3)])
try: failing()
except ValueError: trace = traceback.format_exc()
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    np.array([1.0]) / np.array([0.0])
def deep(n): return 0 if n == 0 else 1 + deep(n - 1)
async def later(): await asyncio.sleep(0); return 7
[bool(np.allclose(u @ np.diag(s) @ v, a)), bool(np.allclose(np.fft.ifft(np.fft.fft(a[0])), a[0])),
 float(np.einsum("ij,jk->ik", a, a).sum()), np.polynomial.Polynomial([1, 2, 3])(2.0), float(np.ma.masked_array([1., 2, 3], [0, 1, 0]).mean()),
 str(np.datetime64("2020-01-01") + np.timedelta64(3, "D")), np.vectorize(lambda x: x * 2)(np.arange(3)).tolist(),
 "in failing" in trace, trace.strip().split("\\n")[-1], len(caught), deep(500), await later(),
 statistics.mean([1, 2, 3]), JSON.stringify(to_js({"a": 1}, dict_converter=Object.fromEntries)), to_js(np.arange(4)).to_py().tolist()]`
  const [from, without] = [await runOnEach(page, numpy(1, { image: 'wait' }), source), await runOnEach(page, numpy(1, { image: false }), source)]
  expect(from.starts).toEqual(['image'])
  expect(from.values).toEqual(without.values)
  expect(from.values[0]).toHaveLength(15)
})

test('with a pure package, and with a second native one', async ({ page }) => {
  const server = process.env['MILLHAND_URL'] ?? ''
  const isThere = async (modules: string[]) =>
    (await page.request.post(`${server}millhand/manifest`, { data: { pyodide: { modules } } })).status() === 200
  const pure = ['numpy', 'snowballstemmer==2.1.0', 'python-slugify']
  const native = ['numpy', 'lxml']
  test.skip(!(await isThere(pure)) || !(await isThere(native)), 'set-up could not fetch the packages')
  const of = (modules: string[], imports: string[] = []) => numpy(2, { modules, imports, image: 'wait' })
  const stem = 'import snowballstemmer, slugify, numpy, sys\nfrom importlib.metadata import version\n[snowballstemmer.stemmer("english").stemWord("workers"), slugify.slugify("Été"), version("numpy")]'
  const words = await runOnEach(page, of(pure), stem)
  expect(words.starts).toEqual(['image', 'image'])
  expect(words.values).toEqual(Array(2).fill(['worker', 'ete', '2.2.5']))
  const parse = 'import sys\nloaded = "lxml.etree" in sys.modules\nfrom lxml import etree\nimport numpy\n[loaded, etree.fromstring("<a><b/></a>")[0].tag, float(numpy.linalg.det(numpy.eye(3)))]'
  const trees = await runOnEach(page, of(native, ['lxml.etree']), parse)
  expect(trees).toMatchObject({ reasons: [], starts: ['image', 'image'], values: Array(2).fill([true, 'b', 1]) })
})

test('globals come after the restore, and post-install tasks too, which load further packages', async ({ page }) => {
  const result = await page.evaluate(async () => {
    const { WorkersPool } = await import('millhand')
    const pool = new WorkersPool({
      install: { pyodide: { modules: ['numpy'], image: 'wait' } },
      globals: { scale: 3 },
      postInstallTasks: [
        {
          entryPoint: async ({ workerScope: { pyodide, scale } }) => {
            await pyodide.loadPackage('numpy')
            await pyodide.runPythonAsync(`import asyncio, numpy\nawait asyncio.sleep(0)\nscaled = (numpy.arange(3) * ${scale}).tolist()`)
          },
        },
      ],
    })
    const entryPoint = ({ workerScope: { pyodide } }: { workerScope: Record<string, any> }) =>
      pyodide.runPython('[scaled, __import__("importlib.metadata").metadata.version("numpy")]')
    return [await pool.run(entryPoint), await pool.run(({ workerScope }) => Object.keys(workerScope['pyodide'].loadedPackages))]
  })
  expect(result).toEqual([[[0, 3, 6], '2.2.5'], ['numpy']])
})

test('what cannot be imported makes a pack, with the reason', async ({ page }) => {
  const { values, starts, reasons } = await runOnEach(page, numpy(2, { image: 'wait', imports: ['no_such_module'] }), FOUR_DRAWS)
  expect(reasons).toEqual([expect.stringMatching(/^pack: `import no_such_module` failed: ModuleNotFoundError/)])
  expect(starts).toEqual(['pack', 'pack'])
  expect(new Set(values.flat()).size).toBe(10)
})

/** Puts other bytes in the place of a part of the images in storage. */
async function damage(page: Page, part: 'memory' | 'library') {
  await page.evaluate(
    (part) =>
      new Promise<void>((resolve, reject) => {
        const opening = indexedDB.open('millhand-images')
        opening.onsuccess = () => {
          const transaction = opening.result.transaction('images', 'readwrite')
          const images = transaction.objectStore('images')
          images.openCursor().onsuccess = (event) => {
            const cursor = (event.target as IDBRequest<IDBCursorWithValue | null>).result
            if (!cursor) return
            const other = new Blob([new Uint8Array(1 << 20)])
            const { libraries } = cursor.value
            const change = part === 'memory' ? { memory: other } : { libraries: [{ ...libraries[0], content: other }, ...libraries.slice(1)] }
            cursor.update({ ...cursor.value, ...change })
          }
          transaction.oncomplete = () => (opening.result.close(), resolve())
          transaction.onabort = () => reject(transaction.error)
        }
      }),
    part,
  )
}

test('an image that was damaged in storage is given up, and the worker comes up without it', async ({ page }) => {
  await runOnEach(page, numpy(1, { image: 'wait' }), '1', 'kept')
  await page.reload()
  await damage(page, 'memory')
  const { values, starts, reasons, steps } = await runOnEach(page, numpy(1), 'import numpy; int(numpy.arange(4).sum())')
  expect(values).toEqual([6])
  expect(starts).toEqual(['image', 'pack'])
  expect(reasons).toEqual([expect.stringContaining('pack: ')])
  expect(steps[0]).toBe('ImageFound')
})

test('an image of which a side module does not compile is deleted from storage, and made anew', async ({ page }) => {
  const sum = 'import numpy; int(numpy.arange(4).sum())'
  await runOnEach(page, numpy(1, { image: 'wait' }), '1', 'kept')
  await page.reload()
  await damage(page, 'library')
  const damaged = await runOnEach(page, numpy(1), sum, 'kept')
  expect(damaged).toMatchObject({ values: [6], starts: ['files'], steps: ['ImageUnavailable', 'ImageBuilding', 'ImageBuilt'] })
  expect(damaged.reasons).toEqual([expect.stringMatching(/^files: the one in storage is damaged: CompileError/)])
  await page.reload()
  expect(await runOnEach(page, numpy(1), sum)).toEqual({ values: [6], starts: ['image'], reasons: [], steps: ['ImageFound'] })
})

/** Has every environment contain the package `endless`. Its module says on the channel `endless` that it is imported, and never returns. */
async function serveEndlessPackage(page: Page) {
  const source = `
import base64, io, zipfile
wheel = io.BytesIO()
with zipfile.ZipFile(wheel, "w") as archive:
    archive.writestr("endless.py", "from js import BroadcastChannel\\nBroadcastChannel.new('endless').postMessage(1)\\nwhile True: pass")
    archive.writestr("endless-1.dist-info/METADATA", "Metadata-Version: 2.1\\nName: endless\\nVersion: 1\\n")
base64.b64encode(wheel.getvalue()).decode()`
  const { values } = await runOnEach(page, { install: { pyodide: { image: false } }, pool: { startAt: 1, stretchTo: 1 } }, source)
  const wheel = Buffer.from(values[0] as string, 'base64')
  const sha256 = createHash('sha256').update(wheel).digest('hex')
  await page.route('**/endless-1-py3-none-any.whl', (route) => route.fulfill({ body: wheel }))
  await page.route('**/millhand/manifest', async (route) => {
    const response = await route.fetch({ postData: JSON.stringify({ pyodide: { modules: [] } }) })
    const { pyodide } = (await response.json()) as { pyodide: { files: object[]; lock: { packages: object } } }
    const name = 'endless-1-py3-none-any.whl'
    const endless = { name: 'endless', version: '1', file_name: name, install_dir: 'site', sha256, imports: ['endless'], depends: [], package_type: 'package' }
    const files = [...pyodide.files, { name, url: `/${name}`, sha256, bytes: wheel.byteLength }]
    const lock = { ...pyodide.lock, packages: { ...pyodide.lock.packages, endless } }
    await route.fulfill({ json: { pyodide: { ...pyodide, files, packages: ['endless'], lock } } })
  })
}

test('an image whose imports never return is given up after two minutes, and the workers that wait boot from files', async ({ page }) => {
  await serveEndlessPackage(page)
  await page.clock.install()
  const isImporting = page.evaluate(
    () => new Promise<void>((resolve) => (new BroadcastChannel('endless').onmessage = () => resolve())),
  )
  const running = runOnEach(page, { install: { pyodide: { modules: ['endless'], image: 'wait' } }, pool: { startAt: 2, stretchTo: 2 } })
  await isImporting
  await page.clock.fastForward(120_000)
  expect(await running).toEqual({
    values: [1, 1],
    starts: ['files', 'files'],
    reasons: ['files: it was not made within 120 s'],
    steps: ['ImageBuilding', 'ImageUnavailable'],
  })
  await expect.poll(() => page.workers().map((worker) => worker.url())).toEqual([])
})

test('Python that may be another one at the next visit gets no image, and says so', async ({ page }) => {
  await serveDistribution(page)
  const input = { install: { pyodide: { indexUrl: '/distribution/' } }, pool: { startAt: 1, stretchTo: 1 } }
  const { values, starts, reasons } = await runOnEach(page, input)
  expect(values).toEqual([1])
  expect(starts).toEqual(['files'])
  expect(reasons).toEqual([expect.stringContaining('no hash is known of `pyodide.mjs`')])
})

test('what is not to be kept goes: the image that was used longest ago, and an older one of the same request', async ({ page }) => {
  await runOnEach(page, numpy(1, { image: 'wait' }), '1', 'kept')
  const plant = (entries: { key: string; request: string; usedAt_ms: number; bytes: number }[]) =>
    page.evaluate(
      (entries) =>
        new Promise<void>((resolve) => {
          const opening = indexedDB.open('millhand-images')
          opening.onsuccess = () => {
            const transaction = opening.result.transaction(['entries', 'images'], 'readwrite')
            for (const entry of entries) {
              transaction.objectStore('entries').put(entry)
              transaction.objectStore('images').put({}, entry.key)
            }
            transaction.oncomplete = () => (opening.result.close(), resolve())
          }
        }),
      entries,
    )
  const keys = () =>
    page.evaluate(
      () =>
        new Promise<string[]>((resolve) => {
          const opening = indexedDB.open('millhand-images')
          opening.onsuccess = () => {
            const listing = opening.result.transaction('entries').objectStore('entries').getAllKeys()
            listing.onsuccess = () => (opening.result.close(), resolve(listing.result as string[]))
          }
        }),
    )
  const [numpyKey] = await keys()
  const mebibytes = 1024 * 1024
  const request = JSON.stringify([null, ['numpy'], ['numpy.testing']])
  await plant([
    { key: 'used lately', request: 'a', usedAt_ms: Date.now() + 60_000, bytes: 100 * mebibytes },
    { key: 'used long ago', request: 'b', usedAt_ms: 1, bytes: 100 * mebibytes },
    { key: 'of other files', request, usedAt_ms: Date.now() + 60_000, bytes: 1 },
  ])
  await page.reload()
  const { steps } = await runOnEach(page, numpy(1, { image: 'wait', imports: ['numpy.testing'] }), '1', 'kept')
  expect(steps).toEqual(['ImageBuilding', 'ImageBuilt'])
  await expect.poll(keys).not.toContain('used long ago')
  const kept = await keys()
  expect(kept).toHaveLength(3)
  expect(kept).toEqual(expect.arrayContaining([numpyKey, 'used lately']))
})
