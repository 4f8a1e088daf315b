//! Code that is ours: what stands between a package and the modules around it.

use std::fmt::Write as _;

use serde_json::Value;

use crate::wasm::Outside;

/// A text as JavaScript.
pub(crate) fn quote(text: &str) -> String {
    Value::from(text).to_string()
}

/// The entry of an ES module.
pub(crate) fn entry(module: &str, has_default: bool) -> String {
    let module = quote(module);
    let default = if has_default { format!("export {{ default }} from {module};\n") } else { String::new() };
    format!("export * from {module};\n{default}")
}

/// The entry of a CommonJS module. As in Node, a name whose getter throws is left undefined, and the whole is
/// also called `module.exports`, by which importers can tell.
pub(crate) fn common_js_entry<'a>(module: &str, names: impl Iterator<Item = &'a String>) -> String {
    let mut code = format!(
        "var whole = require({});\nexport {{ whole as default, whole as \"module.exports\" }};\n",
        quote(module)
    );
    for (index, name) in names.enumerate() {
        let _ =
            writeln!(code, "var name{index} = read({});\nexport {{ name{index} as {name} }};", quote(name));
    }
    code += "function read(name) {\n  try {\n    return whole[name];\n  } catch {}\n}\n";
    code
}

/// A module that has another one as the value of an export: `import * as namespace`, to be had by `require`.
pub(crate) fn namespace(module: &str) -> String {
    format!("import * as namespace from {};\nexport {{ namespace }};\n", quote(module))
}

/// What `require` gives of a module that is built elsewhere: the export `whole`, if there is one.
pub(crate) fn require(namespace: &str, interop: &str, whole: &str) -> String {
    format!(
        "module.exports = require({}).toCommonJs(require({}).namespace, {});\n",
        quote(interop),
        quote(namespace),
        quote(whole)
    )
}

/// Makes what `require` gives out of a module's namespace. If packages require each other, the one that is not
/// there yet is looked up when it is used.
pub(crate) const INTEROP: &str = r#"
export function toCommonJs(namespace, name) {
  if (!(name in namespace)) return asRecord(namespace);
  let whole;
  try {
    whole = namespace[name];
  } catch {}
  return whole === undefined ? later(() => namespace[name]) : whole;
}
function asRecord(namespace) {
  const record = Object.defineProperty({}, "__esModule", { value: true });
  for (const name of Object.getOwnPropertyNames(namespace)) {
    if (name !== "__esModule") {
      Object.defineProperty(record, name, { enumerable: true, get: () => namespace[name] });
    }
  }
  return record;
}
function later(read) {
  return new Proxy(function () {}, {
    get: (_, name) => read()?.[name],
    has: (_, name) => Reflect.has(read() ?? {}, name),
    set: (_, name, value) => Reflect.set(read(), name, value),
    apply: (_, self, args) => Reflect.apply(read(), self, args),
    construct: (_, args) => Reflect.construct(read(), args),
  });
}
"#;

/// The least that code expects of `process` which does not ask whether it is there.
pub(crate) const PROCESS: &str = r#"
const nothing = () => {};
export const process = {
  title: "browser",
  browser: true,
  env: { NODE_ENV: "production" },
  argv: [],
  execArgv: [],
  version: "",
  versions: {},
  platform: "browser",
  arch: "",
  pid: 0,
  exitCode: undefined,
  cwd: () => "/",
  chdir: nothing,
  umask: () => 0,
  uptime: () => performance.now() / 1000,
  memoryUsage: () => ({}),
  hrtime: Object.assign((since = [0, 0]) => {
    const now = performance.now();
    const seconds = Math.floor(now / 1000) - since[0];
    const nanoseconds = Math.floor((now % 1000) * 1e6) - since[1];
    return nanoseconds < 0 ? [seconds - 1, nanoseconds + 1e9] : [seconds, nanoseconds];
  }, { bigint: () => BigInt(Math.floor(performance.now() * 1e6)) }),
  nextTick: (callback, ...args) => queueMicrotask(() => callback(...args)),
  emitWarning: (warning) => console.warn(warning),
  emit: nothing,
  on: () => process,
  once: () => process,
  off: () => process,
  addListener: () => process,
  removeListener: () => process,
  removeAllListeners: () => process,
  listeners: () => [],
  listenerCount: () => 0,
};
export default process;
"#;

/// An expression that throws what a missing module throws in Node.
pub(crate) fn throwing(message: &str) -> String {
    format!("(() => {{ throw {}; }})()", error(message))
}

/// An `import()` of a missing module.
pub(crate) fn rejecting(message: &str) -> String {
    format!("Promise.reject({})", error(message))
}

/// A CommonJS module that throws.
pub(crate) fn throwing_module(message: &str) -> String {
    format!("throw {};\n", error(message))
}

fn error(message: &str) -> String {
    format!("Object.assign(new Error({}), {{ code: \"MODULE_NOT_FOUND\" }})", quote(message))
}

/// A module in place of one that is missing: it can be imported, and throws when something of it is used.
pub(crate) fn stub<'a>(message: &str, names: impl Iterator<Item = &'a String>) -> String {
    let mut code = format!("const fail = () => {{ throw {}; }};\n", error(message));
    code += r#"const stub = () => new Proxy(function () {}, {
  get: (_, name) => (typeof name === "symbol" || name === "then" ? undefined : fail()),
  set: fail,
  apply: fail,
  construct: fail,
});
export default stub();
"#;
    for (index, name) in names.filter(|name| *name != "default").enumerate() {
        let _ = writeln!(code, "const name{index} = stub();\nexport {{ name{index} as {} }};", quote(name));
    }
    code
}

/// A stylesheet that is imported by code: it is put into the page, if there is one.
pub(crate) fn style(css: &str) -> String {
    format!(
        r#"const css = {css};
if (typeof document !== "undefined") {{
  const style = document.createElement("style");
  style.textContent = css;
  document.head.append(style);
}}
export default css;
"#
    )
}

/// A WebAssembly module that is imported as if it were an ES module. Its own address is the default.
pub(crate) fn instance(url: &str, outside: &Outside) -> String {
    let mut code = String::new();
    let mut imports = String::new();
    for (index, module) in outside.imports.iter().enumerate() {
        let module = quote(module);
        let _ = writeln!(code, "import * as module{index} from {module};");
        let _ = write!(imports, "{module}: module{index}, ");
    }
    let _ = write!(
        code,
        "const url = {url};
const response = await fetch(url);
if (!response.ok) throw new Error(`${{url}} cannot be loaded: ${{response.status}}`);
const {{ instance }} = await WebAssembly.instantiate(await response.arrayBuffer(), {{ {imports}}});
"
    );
    if !outside.exports.iter().any(|name| name == "default") {
        code += "export default url;\n";
    }
    for (index, name) in outside.exports.iter().enumerate() {
        let name = quote(name);
        let _ = writeln!(
            code,
            "const name{index} = instance.exports[{name}];\nexport {{ name{index} as {name} }};"
        );
    }
    code
}
