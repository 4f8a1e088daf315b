import { entryPoints, openPool } from '../millhand/pool.mjs'

export async function open({ workers }) {
  const pool = await openPool(workers)
  const submit = (task, args, transfer) =>
    pool.schedule({ entryPoint: entryPoints[task], args, ...(transfer && { transfer }) })
  return {
    submit,
    call: (task, argument, transfer) =>
      new Promise((resolve, reject) => {
        submit(task, argument, transfer).subscribe(({ type, data }) => {
          if (type === 'Exit') (data.error ? reject : resolve)(data.result)
        })
      }),
    close: () => pool.terminate(),
  }
}
