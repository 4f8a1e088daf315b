import { expect, test } from '../fixtures.js'

test('pure wheels beyond Pyodide’s own packages, and what they need, in four workers', async ({ page }) => {
  const modules = ['numpy', 'snowballstemmer==2.1.0', 'python-slugify']
  const server = process.env['MILLHAND_URL'] ?? ''
  const manifest = await page.request.post(`${server}millhand/manifest`, { data: { pyodide: { modules } } })
  test.skip(manifest.status() === 503, 'set-up had neither `uv` nor `pip` to fetch the wheels with')
  const seen = await page.evaluate(async (modules) => {
    const { WorkersPool } = await import('millhand')
    const pool = new WorkersPool({ install: { pyodide: modules }, pool: { startAt: 4, stretchTo: 4 } })
    await pool.ready()
    const source = `
import numpy, snowballstemmer
from importlib.metadata import version
from slugify import slugify
[snowballstemmer.stemmer("english").stemWord("workers"), slugify("C'est déjà l'été"), version("snowballstemmer"), int(numpy.arange(4).sum())]`
    return Promise.all(['w1', 'w2', 'w3', 'w4'].map((targetWorkerId) => pool.python(source, {}, { targetWorkerId })))
  }, modules)
  expect(seen).toEqual(Array.from({ length: 4 }, () => ['worker', 'c-est-deja-l-ete', '2.1.0', 6]))
})
