/** What an install loads, while it does: over the page, or as a list in it. */

import type { PageInstallInputs } from '../api/install.js'
import { install } from '../api/install.js'
import type { InstallEvent } from '../wire/protocol.js'

/** A screen over the page. It shows the last events of an install, and goes when it is told to. */
export class LoadingScreenView {
  readonly #box: HTMLElement
  readonly #list: HTMLElement
  readonly #lines = new Map<string, HTMLElement>()

  constructor({ container = document.body }: { container?: HTMLElement } = {}) {
    this.#box = document.createElement('div')
    this.#box.className = 'mh-loading-screen'
    this.#box.setAttribute('role', 'status')
    const inset = container === document.body ? 'position:fixed' : 'position:absolute'
    this.#box.style.cssText = `${inset};inset:0;z-index:1000;display:grid;place-content:center;background:Canvas;color:CanvasText;font:0.9rem system-ui`
    this.#list = document.createElement('ul')
    this.#list.style.cssText = 'list-style:none;padding:0;max-height:60vh;overflow:auto'
    this.#box.append(this.#list)
    container.append(this.#box)
  }

  /** Shows an event of `install`. */
  next(event: InstallEvent): void {
    const { step, name, bytes, total } = event as { step: string; name?: string; bytes?: number; total?: number }
    const key = name ?? step
    const line = this.#lines.get(key) ?? this.#addLine(key)
    const done = bytes !== undefined && total ? ` ${Math.floor((100 * bytes) / total)} %` : ''
    line.textContent = `${name ? `${name}: ` : ''}${step}${done}`
  }

  /** Shows why the install failed. */
  fail(error: unknown): void {
    const line = this.#addLine('failure')
    line.setAttribute('role', 'alert')
    line.textContent = error instanceof Error ? error.message : String(error)
  }

  /** Takes the screen away. */
  done(): void {
    this.#box.remove()
  }

  #addLine(key: string): HTMLElement {
    const line = document.createElement('li')
    this.#lines.set(key, line)
    this.#list.append(line)
    return line
  }
}

/** Installs as `install` does, under a loading screen, which stays with the error if it fails. */
export async function installWithUI(inputs: PageInstallInputs, options: { display?: (view: Node) => void } = {}): Promise<Awaited<ReturnType<typeof install>>> {
  const box = document.createElement('div')
  box.style.cssText = 'position:relative;min-height:8rem'
  options.display?.(box)
  const screen = new LoadingScreenView(options.display ? { container: box } : {})
  const told = inputs.onEvent
  const onEvent = (event: InstallEvent): void => {
    screen.next(event)
    told?.(event as never)
  }
  try {
    const installed = await install({ ...inputs, onEvent } as PageInstallInputs)
    screen.done()
    box.remove()
    return installed
  } catch (error) {
    screen.fail(error)
    throw error
  }
}
