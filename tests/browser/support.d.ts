/** `pages/support.js`, as the tests' page functions see it through the page's import map. */
declare module 'support' {
  import type { Observable } from 'rxjs'
  import type { EntryPoint, Task } from 'millhand'

  export interface ErrorFields {
    name: string
    message: string
    stack: string
    code?: string
    hint?: string
    reason?: string
    field?: string
    python?: { type: string; traceback: string }
    cause?: ErrorFields
    own: Record<string, unknown>
    isError: boolean
  }

  export function collect<T>(stream$: Observable<T>): Promise<T[]>
  export function until<T>(stream$: Observable<T>, wanted: (value: T) => boolean): Promise<T>
  export function conversation<T>(task: Task<T>): Promise<{ heard: unknown[]; result: T }>
  export function rejection(awaitable: PromiseLike<unknown>): Promise<ErrorFields>
  export function thrown(call: () => unknown): ErrorFields
  export function describe(error: unknown): ErrorFields
  export const estimatePi: EntryPoint<{ count: number }, number>
}
