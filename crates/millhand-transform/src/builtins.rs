//! Node's own modules, and the packages that stand in for them in browsers.

const BUILTINS: &[&str] = &[
    "_http_agent", "_http_client", "_http_common", "_http_incoming", "_http_outgoing", "_http_server",
    "_stream_duplex", "_stream_passthrough", "_stream_readable", "_stream_transform", "_stream_wrap",
    "_stream_writable", "_tls_common", "_tls_wrap", "assert", "assert/strict", "async_hooks", "buffer",
    "child_process", "cluster", "console", "constants", "crypto", "dgram", "diagnostics_channel", "dns",
    "dns/promises", "domain", "events", "fs", "fs/promises", "http", "http2", "https", "inspector",
    "inspector/promises", "module", "net", "os", "path", "path/posix", "path/win32", "perf_hooks", "process",
    "punycode", "querystring", "readline", "readline/promises", "repl", "stream", "stream/consumers",
    "stream/promises", "stream/web", "string_decoder", "sys", "timers", "timers/promises", "tls",
    "trace_events", "tty", "url", "util", "util/types", "v8", "vm", "wasi", "worker_threads", "zlib",
];

/// Packages that authors list, so that bundlers put them in place of a module of Node's.
const POLYFILLS: &[(&str, &[&str])] = &[
    ("assert", &["assert"]),
    ("buffer", &["buffer"]),
    ("console", &["console-browserify"]),
    ("constants", &["constants-browserify"]),
    ("crypto", &["crypto-browserify"]),
    ("domain", &["domain-browser"]),
    ("events", &["events"]),
    ("http", &["stream-http"]),
    ("https", &["https-browserify"]),
    ("os", &["os-browserify"]),
    ("path", &["path-browserify", "path"]),
    ("process", &["process"]),
    ("punycode", &["punycode"]),
    ("querystring", &["querystring-es3", "querystring"]),
    ("stream", &["stream-browserify", "readable-stream", "stream"]),
    ("string_decoder", &["string_decoder"]),
    ("sys", &["util"]),
    ("timers", &["timers-browserify"]),
    ("tty", &["tty-browserify"]),
    ("url", &["url"]),
    ("util", &["util"]),
    ("vm", &["vm-browserify"]),
    ("zlib", &["browserify-zlib"]),
];

/// The module of Node's that a name means: `fs` for `fs` and for `node:fs`.
pub(crate) fn name(specifier: &str) -> Option<&str> {
    match specifier.strip_prefix("node:") {
        Some(builtin) => Some(builtin),
        None => BUILTINS.contains(&specifier).then_some(specifier),
    }
}

/// The packages that can be had for it.
pub(crate) fn polyfills(builtin: &str) -> impl Iterator<Item = &'static str> {
    let found = POLYFILLS.iter().find(|(name, _)| *name == builtin);
    found.map(|(_, packages)| *packages).unwrap_or_default().iter().copied()
}
