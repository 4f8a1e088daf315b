/** What an install loads, while it does: over the page, or over a part of it. */

import type { PageInstallInputs } from '../api/install.js'
import { install } from '../api/install.js'
import type { InstallEvent } from '../wire/protocol.js'
import { make, setText } from './elements.js'
import { megabytes, stepText } from './steps.js'

/** Files that are shown; those that were fetched first go first. */
const MAX_LINES = 12

/** A screen over the page, or over `container`. It shows the last events of an install, and goes when it is told to. */
export class LoadingScreenView {
  readonly #box: HTMLElement
  readonly #now = make('div', '')
  readonly #list = make('ul', '')
  readonly #lines = new Map<string, HTMLElement>()

  constructor({ container = document.body }: { container?: HTMLElement } = {}) {
    this.#box = make('div', 'mh-loading-screen')
    const position = container === document.body ? 'fixed' : 'absolute'
    this.#box.style.cssText = `position:${position};inset:0;z-index:1000;box-sizing:border-box;padding:1rem;overflow:auto;display:grid;place-content:center;background:Canvas;color:CanvasText;font:0.9rem/1.5 system-ui,sans-serif`
    this.#now.setAttribute('role', 'status')
    this.#now.style.cssText = 'font-weight:600'
    this.#list.style.cssText = 'list-style:none;margin:0.5rem 0 0;padding:0;font-variant-numeric:tabular-nums'
    this.#box.append(this.#now, this.#list)
    container.append(this.#box)
  }

  /** Shows an event of `install`. */
  next(event: InstallEvent): void {
    if (event.step !== 'FileProgress' && event.step !== 'FileVerified') return setText(this.#now, stepText(event))
    const line = this.#lines.get(event.name) ?? this.#addLine(event.name)
    const bytes = megabytes(event.bytes)
    setText(line, event.step === 'FileVerified' ? `✓ ${event.name} · ${bytes}` : `↓ ${event.name} · ${bytes}${ofTotal(event.total)}`)
  }

  /** Shows why the install failed. The screen stays until `done`. */
  fail(error: unknown): void {
    const text = make('div', '', error instanceof Error ? error.message : String(error))
    text.setAttribute('role', 'alert')
    text.style.cssText = 'white-space:pre-wrap;color:light-dark(#b3261e,#ff8078);max-width:40rem'
    setText(this.#now, 'The install failed')
    const close = make('button', '', 'Close')
    close.type = 'button'
    close.style.cssText = 'justify-self:start;margin-top:0.5rem;font:inherit'
    close.addEventListener('click', () => this.done())
    this.#list.replaceChildren()
    this.#box.append(text, close)
  }

  /** Takes the screen away. */
  done(): void {
    this.#box.remove()
  }

  #addLine(name: string): HTMLElement {
    const line = make('li', '')
    this.#lines.set(name, line)
    this.#list.append(line)
    if (this.#list.childElementCount > MAX_LINES) this.#list.firstElementChild?.remove()
    return line
  }
}

const ofTotal = (total: number): string => (total > 0 ? ` of ${megabytes(total)}` : '')

/** As `install` has them. */
export interface InstallWithUIInputs extends PageInstallInputs {
  /** Puts the screen into the page: the `display` of a notebook's cell. Without it, the screen is over the whole page. */
  display?: (view: HTMLElement) => void
}

/** Installs as `install` does, under a loading screen, which stays with the error if it fails. */
export async function installWithUI({ display, ...inputs }: InstallWithUIInputs): Promise<Awaited<ReturnType<typeof install>>> {
  const box = make('div', 'mh-install')
  box.style.cssText = 'position:relative;min-height:10rem'
  display?.(box)
  const screen = new LoadingScreenView(display ? { container: box } : {})
  const onEvent: PageInstallInputs['onEvent'] = (event) => {
    screen.next(event)
    inputs.onEvent?.(event)
  }
  try {
    const installed = await install({ ...inputs, onEvent })
    screen.done()
    box.remove()
    return installed
  } catch (error) {
    screen.fail(error)
    throw error
  }
}
