/** Elements by which a page loads: stylesheets and classic scripts. */

import { InstallError } from '../common/errors.js'
import { integrityOf } from './integrity.js'

/** What an element loads. */
export interface Resource {
  url: string
  /** In hexadecimal; the browser checks it. */
  sha256: string | null
  /** Whether the page has fetched it before, so that the cache has it as it was fetched: under the rules of CORS. */
  wasFetched: boolean
}

interface Sheet {
  link: HTMLLinkElement
  loaded: Promise<void>
  /** Installs that want it; it goes with the last of them that fails. */
  wanted: number
}

/** Stylesheets of the page, each there once, and only as long as an install that wants it has not failed. */
export class StyleSheets {
  readonly #sheets = new Map<string, Sheet>()

  /** The stylesheet's element, once it is loaded; the one that is there if there is one. */
  async add(resource: Resource): Promise<HTMLLinkElement> {
    const { url } = resource
    const sheet = this.#sheets.get(url) ?? this.#insert(resource)
    sheet.wanted += 1
    try {
      await sheet.loaded
    } catch (error) {
      this.release(url)
      throw error
    }
    return sheet.link
  }

  /** An install that had added it has failed. */
  release(url: string): void {
    const sheet = this.#sheets.get(url)
    if (!sheet) return
    sheet.wanted -= 1
    if (sheet.wanted > 0) return
    sheet.link.remove()
    this.#sheets.delete(url)
  }

  #insert(resource: Resource): Sheet {
    const { url } = resource
    const link = document.createElement('link')
    link.rel = 'stylesheet'
    setIntegrity(link, resource)
    link.href = url
    const loaded = settled(link, `the stylesheet \`${url}\` could not be loaded`)
    document.head.append(link)
    const sheet = { link, loaded, wanted: 0 }
    this.#sheets.set(url, sheet)
    return sheet
  }
}

/** Runs classic scripts in the page, each once. */
export class Scripts {
  readonly #run = new Map<string, Promise<void>>()

  async run(resource: Resource): Promise<void> {
    const { url } = resource
    const running = this.#run.get(url) ?? this.#insert(resource)
    this.#run.set(url, running)
    await running.catch((error: unknown) => {
      this.#run.delete(url)
      throw error
    })
  }

  async #insert(resource: Resource): Promise<void> {
    const { url } = resource
    const script = document.createElement('script')
    setIntegrity(script, resource)
    script.src = url
    const loaded = settled(script, `the script \`${url}\` could not be loaded`)
    document.head.append(script)
    await loaded.catch((error: unknown) => {
      script.remove()
      throw error
    })
  }
}

function setIntegrity(element: HTMLLinkElement | HTMLScriptElement, { sha256, wasFetched }: Resource): void {
  if (sha256 !== null) element.integrity = integrityOf(sha256)
  if (wasFetched) element.crossOrigin = 'anonymous'
}

function settled(element: HTMLElement, problem: string): Promise<void> {
  return new Promise((resolve, reject) => {
    element.addEventListener('load', () => resolve(), { once: true })
    element.addEventListener('error', () => reject(new InstallError(problem)), { once: true })
  })
}
