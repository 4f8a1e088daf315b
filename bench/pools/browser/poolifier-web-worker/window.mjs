/** The package takes a scope without `window` for no browser, also in a worker, and throws when it is imported. */
globalThis.window ??= globalThis
