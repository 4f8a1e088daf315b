/** What is used of rx-vdom: `tsconfig.notebook.json` names this file for it, since its own types are its sources. */
export type AnyVirtualDOM = { tag: string }
export function render(vDom: AnyVirtualDOM): HTMLElement
