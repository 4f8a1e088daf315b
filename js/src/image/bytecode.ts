/** Bytecode of the modules that a Python has imported, for boots that have to import them again. */

import type { Pyodide } from '../environment/pyodide.js'
import type { FilePack } from '../wire/image.js'
import type { UnpackedPackages } from './packages.js'

/** The archive of the standard library, and the packages' files, with bytecode of what was imported. */
export interface WithBytecode {
  stdlib: Uint8Array
  index: FilePack['index']
  content: Uint8Array<ArrayBuffer>
}

/**
 * Bytecode goes beside the sources, so that tracebacks still have their lines. It is marked as one that need not be compared with
 * its source: nobody changes these.
 */
const COMPILE = `
def compile_imported(archive, site_packages):
    import importlib._bootstrap_external as external, importlib.util, os, shutil, sys, zipfile

    copy = "/tmp/millhand-stdlib.zip"
    shutil.copyfile(archive, copy)
    beside = []
    with zipfile.ZipFile(copy, "a") as stdlib:
        for module in list(sys.modules.values()):
            spec = getattr(module, "__spec__", None)
            origin = getattr(spec, "origin", None)
            if not origin or not origin.endswith(".py") or not hasattr(spec.loader, "get_code"):
                continue
            code = spec.loader.get_code(spec.name)
            data = bytes(external._code_to_hash_pyc(code, bytes(8), False))
            if origin.startswith(archive + "/"):
                stdlib.writestr(origin.removeprefix(archive + "/") + "c", data)
            elif origin.startswith(site_packages + "/"):
                path = importlib.util.cache_from_source(origin)
                os.makedirs(os.path.dirname(path), exist_ok=True)
                with open(path, "wb") as file:
                    file.write(data)
                beside.append(path)
    return [copy, *beside]

compile_imported`

export function withBytecode(pyodide: Pyodide, packages: UnpackedPackages, sitePackages: string): WithBytecode {
  const compileImported = pyodide.runPython(COMPILE, { globals: pyodide.toPy({}), filename: 'millhand' }) as CompileImported
  const archive = `${sitePackages.replace(/\/python(\d+)\.(\d+)\/site-packages$/, '/python$1$2')}.zip`
  const made = compileImported(archive, sitePackages)
  const [stdlib, ...beside] = made.toJs()
  made.destroy()
  const { FS } = pyodide._module
  if (stdlib === undefined) throw new Error('no bytecode was made')
  const compiled = beside.map((path) => ({ path, content: FS.readFile(path) }))
  return { stdlib: FS.readFile(stdlib), ...appended(packages, compiled) }
}

type CompileImported = (archive: string, sitePackages: string) => { toJs: () => string[]; destroy: () => void }

function appended(
  { index, content }: Pick<UnpackedPackages, 'index' | 'content'>,
  files: { path: string; content: Uint8Array }[],
): Pick<WithBytecode, 'index' | 'content'> {
  const size = files.reduce((sum, file) => sum + file.content.byteLength, content.byteLength)
  const whole = new Uint8Array(size)
  whole.set(content)
  let at = content.byteLength
  const more = files.map(({ path, content: part }): FilePack['index'][number] => {
    whole.set(part, at)
    at += part.byteLength
    return [path, at - part.byteLength, part.byteLength]
  })
  return { index: [...index, ...more], content: whole }
}
