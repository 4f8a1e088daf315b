/**
 * Images of Python environments: what a worker boots from instead of from nothing, and what the page and the worker that makes
 * an image (the builder) say to each other.
 */

import type { PythonSetup } from './protocol.js'

/** Changes whenever images of before cannot be used any more. */
export const IMAGE_FORMAT = 1

/** Bytes that all workers share: memory where the page is cross-origin isolated, a blob elsewhere. */
export type Bytes = Blob | SharedArrayBuffer

/**
 * A Python with its packages, ready to run. Without `memory` it is a *pack*: the same parts, from which Python has to start and to
 * import.
 */
export interface PythonImage extends ImageParts {
  /** Pyodide's runtime, compiled once. */
  runtime: WebAssembly.Module
}

export interface ImageParts {
  /** Compiled once, in the order in which they are loaded. */
  libraries: Library[]
  /** Files of the packages. */
  files: FilePack
  /** Pyodide's memory after the packages were imported, in the form that Pyodide gives it; `null` in a pack. */
  memory: Bytes | null
  /** The archive of the standard library with bytecode; `null`: as it was published. */
  stdlib: Bytes | null
}

/** A side module of Pyodide: a `.so` file. */
export interface Library {
  /** Absolute, in Pyodide's file system. */
  path: string
  module: WebAssembly.Module
  /** Those that `dlopen` has given for it in `memory`. */
  handles: number[]
}

export interface FilePack {
  /** Absolute paths in Pyodide's file system, with offset and size in `content`, both in bytes. */
  index: [path: string, offset: number, size: number][]
  content: Bytes
}

/** An image as browser storage has it. */
export interface StoredImage {
  libraries: { path: string; content: Blob; handles: number[] }[]
  files: { index: FilePack['index']; content: Blob }
  memory: Blob | null
  stdlib: Blob | null
}

/** To the builder: make this image, or take it from its file, and keep it. */
export interface BuildOrder {
  /** All that the image depends on. */
  key: string
  /** What was asked for. One image is kept for it: a later one, of another key, takes its place. */
  request: string
  source: ImageSource | ImageFile
}

/** What an image is made of. */
export interface ImageSource {
  python: PythonSetup
  /** Modules to import before the memory is taken. */
  imports: string[]
}

/** An image that was made ahead, and the runtime that goes with it. */
export interface ImageFile {
  file: Blob
  runtime: Blob
}

/** From the builder. After an image, it says whether that is kept for later visits. */
export type BuildNews =
  | { step: 'Built'; image: PythonImage; /** Why it is but a pack. */ packBecause: string | null }
  | { step: 'Failed'; reason: string }
  | { step: 'Kept'; notBecause: string | null }
