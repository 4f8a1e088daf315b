import { WorkersPool } from 'millhand'

const pool = new WorkersPool()
const squares = []
for await (const square of pool.map([1, 2, 3, 4], (x) => x * x)) squares.push(square)
console.log(...squares)
console.log(await pool.use(new URL('./tasks-module.js', import.meta.url)).shout('hello'))
await pool.run(() => process.exit(1)).catch((error) => console.log(error.reason))
