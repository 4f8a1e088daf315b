import { readFile } from 'node:fs/promises'
import { expect, test } from '../fixtures.js'

test('the example of the README runs as it stands', async ({ page }) => {
  const readme = await readFile(new URL('../../../README.md', import.meta.url), 'utf8')
  const example = /```js\n([^]*?)```/.exec(readme)?.[1] ?? ''
  expect(example).toContain('new WorkersPool')
  await page.addScriptTag({ type: 'module', content: `${example}\nwindow.pi = pi` })
  const pi = await page.waitForFunction(() => (window as unknown as { pi?: number }).pi)
  expect(Math.abs(((await pi.jsonValue()) ?? 0) - Math.PI)).toBeLessThan(0.05)
})
