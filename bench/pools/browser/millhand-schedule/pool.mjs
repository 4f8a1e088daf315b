import { entryPoints } from '../../entry-points.mjs'
import { openPool } from '../millhand/pool.mjs'

export async function open({ workers }) {
  const pool = await openPool(workers)
  const submit = (task, args, transfer) =>
    pool.schedule({ entryPoint: entryPoints[task], args, ...(transfer && { transfer }) })
  return {
    submit,
    settled,
    call: (task, argument, transfer) => settled(submit(task, argument, transfer)),
    close: () => pool.terminate(),
  }
}

function settled(message$) {
  return new Promise((resolve, reject) => {
    message$.subscribe(({ type, data }) => {
      if (type === 'Exit') (data.error ? reject : resolve)(data.result)
    })
  })
}
