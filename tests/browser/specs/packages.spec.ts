/** Real packages of npm, out of the cache that set-up has filled from `pages/millhand.lock`, in a page and in workers. */

import { expect, test } from '../fixtures.js'

test('rxjs, its operators and its fetch share one Observable, in a page and in a worker', async ({ page }) => {
  const outcome = await page.evaluate(async () => {
    const { install, WorkersPool } = await import('millhand')
    const esm = ['rxjs#^7.8.1 as rxjs', 'rxjs/operators#^7.8.1 as operators', 'rxjs/fetch#^7.8.1 as rxFetch']
    const { rxjs, operators, rxFetch } = await install({ esm })
    const inPage = [rxFetch.fromFetch('/') instanceof rxjs.Observable, operators.map === rxjs.map]
    const pool = new WorkersPool({ install: { esm }, pool: { startAt: 1, stretchTo: 1 } })
    const inWorker = await pool.run(({ workerScope }) => {
      const { rxjs, operators, rxFetch } = workerScope as Record<string, any>
      return [rxFetch.fromFetch('/') instanceof rxjs.Observable, operators.map === rxjs.map]
    })
    pool.terminate()
    return { inPage, inWorker }
  })
  expect(outcome).toEqual({ inPage: [true, true], inWorker: [true, true] })
})

test('lodash, mathjs, d3 and three work in a page and in a worker', async ({ page }) => {
  const outcome = await page.evaluate(async () => {
    const { install, WorkersPool } = await import('millhand')
    const esm = ['lodash#^4', 'mathjs#^15 as mathjs', 'd3#^7 as d3', 'three#^0.180 as three']
    const use = ({ lodash, mathjs, d3, three }: Record<string, any>) => [
      lodash.chunk([1, 2, 3], 2).length,
      mathjs.evaluate('sqrt(16) + 1'),
      d3.mean([1, 2, 3]),
      new three.Vector3(3, 4, 0).length(),
    ]
    const inPage = use(await install({ esm }))
    const pool = new WorkersPool({ install: { esm }, globals: { use }, pool: { startAt: 1, stretchTo: 1 } })
    const inWorker = await pool.run(({ workerScope }) => (workerScope as Record<string, any>)['use'](workerScope))
    pool.terminate()
    return { inPage, inWorker }
  })
  expect(outcome).toEqual({ inPage: [2, 5, 2, 5], inWorker: [2, 5, 2, 5] })
})

test('React 18 and React 19 render side by side, each with its own hooks', async ({ page }) => {
  const texts = await page.evaluate(async () => {
    const { install } = await import('millhand')
    const both = await install({
      esm: [
        'react#^18 as React18',
        'react-dom/client#^18 as Client18',
        'react#^19 as React19',
        'react-dom/client#^19 as Client19',
      ],
    })
    const render = async (React: any, client: any) => {
      const place = document.createElement('div')
      document.body.append(place)
      await new Promise<void>((rendered) => {
        const App = () => {
          const [count, setCount] = React.useState(0)
          React.useEffect(() => (count < 2 ? setCount(count + 1) : rendered()), [count])
          return React.createElement('b', null, `${React.version.split('.')[0]}: ${count}`)
        }
        client.createRoot(place).render(React.createElement(App))
      })
      return place.innerText
    }
    return [await render(both['React18'], both['Client18']), await render(both['React19'], both['Client19'])]
  })
  expect(texts).toEqual(['18: 2', '19: 2'])
})

test('a package that needs Bootstrap 4 gets it, beside Bootstrap 5', async ({ page }) => {
  const outcome = await page.evaluate(async () => {
    const { install, queryLoadingGraph } = await import('millhand')
    // It wants jQuery and Moment as globals.
    await install({ esm: ['jquery#^3 as jQuery', 'moment#^2 as moment'] })
    const esm = ['bootstrap#^5.3.3 as bootstrap5', 'bootstrap#^4.6.2 as bootstrap4', 'tempusdominus-bootstrap-4#^5 as picker']
    const { bootstrap5, bootstrap4 } = await install({ esm })
    const { packages } = await queryLoadingGraph({ esm })
    const [, needed = []] = Object.entries(packages).find(([id]) => id.startsWith('tempusdominus-bootstrap-4@')) ?? []
    const needs = needed.find((id) => id.startsWith('bootstrap@'))
    return [bootstrap5.Modal.VERSION[0], bootstrap4.Modal.VERSION[0], needs?.split('.')[0]]
  })
  expect(outcome).toEqual(['5', '4', 'bootstrap@4'])
})

test('Chart.js and Plotly draw', async ({ page }) => {
  const outcome = await page.evaluate(async () => {
    const { install } = await import('millhand')
    const { chart, Plotly } = await install({ esm: ['chart.js/auto#^4 as chart', 'plotly.js-dist-min#^3 as Plotly'] })
    const canvas = document.body.appendChild(document.createElement('canvas'))
    const drawn = new chart.Chart(canvas, { type: 'bar', data: { labels: ['a'], datasets: [{ data: [1] }] } })
    const place = document.body.appendChild(document.createElement('div'))
    await Plotly.newPlot(place, [{ y: [1, 2, 3] }])
    return [drawn.data.datasets.length, place.querySelectorAll('.scatterlayer .point, .scatterlayer path').length > 0]
  })
  expect(outcome).toEqual([1, true])
})

test('stylesheets come with their fonts', async ({ page }) => {
  const outcome = await page.evaluate(async () => {
    const { install } = await import('millhand')
    await install({ css: ['bootstrap#^5.3.3~bootstrap.min.css', 'fontawesome#5.12.1~css/all.min.css'] })
    const button = document.body.appendChild(document.createElement('button'))
    button.className = 'btn btn-primary'
    button.innerHTML = '<i class="fas fa-check"></i>'
    const icon = getComputedStyle(button.querySelector('i') as Element).fontFamily
    const [face] = await document.fonts.load(`900 16px ${icon}`)
    return { button: getComputedStyle(button).backgroundColor, icon, face: face?.status }
  })
  expect(outcome).toEqual({ button: 'rgb(13, 110, 253)', icon: '"Font Awesome 5 Free"', face: 'loaded' })
})

test('what cannot be had is refused by name, and nothing is set', async ({ page }) => {
  const outcome = await page.evaluate(async () => {
    const { install } = await import('millhand')
    try {
      await install({ esm: ['lodash#^4 as installedFirst', 'chokidar#^4 as watcher'] })
      return 'installed'
    } catch (error) {
      const { message, hint, detail } = error as { message: string; hint?: string; detail?: string }
      return { message, hint, detail, first: 'installedFirst' in globalThis }
    }
  })
  expect(outcome).toMatchObject({ detail: 'offline', first: false })
  expect(JSON.stringify(outcome)).toContain('chokidar')
})
